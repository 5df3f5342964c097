"""The page as a whole: it opens, every tab can be chosen, nothing comes from elsewhere, everything fits."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from modules.settings import VERSION
from modules.ui.tabs import TABS
from tests.browser.visits import DESKTOP, PHONE, Visitor, overflow_px
from tests.live.launch import Server

READABLE = 4.5
"""Of WCAG 2.1, 1.4.3 (AA): contrast of text of usual size."""
CONTRAST = """element => {
  const numbers = color => color.match(/[0-9.]+/g).map(Number);
  let ground = element;
  while ((numbers(getComputedStyle(ground).backgroundColor)[3] ?? 1) === 0) ground = ground.parentElement;
  const light = color => numbers(color).slice(0, 3).map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const [dark, bright] = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor].map(light).sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}"""


def test_the_page_opens_at_the_chat(visitor: Visitor) -> None:
    expect(visitor.page).to_have_title(f"Hearth {VERSION}")
    expect(visitor.page.locator("#tab-chat")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_tab_opens_and_fits(
    ui: Server, visit: Callable[..., Visitor], viewport: dict[str, int], scheme: str
) -> None:
    visitor = visit(ui, viewport=viewport, color_scheme=scheme)
    visitor.open()
    for tab in TABS:
        visitor.choose_tab(tab.title)
        expect(visitor.page.locator(f"#tab-{tab.id}")).to_be_visible()
        assert overflow_px(visitor.page) <= 0, tab.title


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_the_colours_follow_the_system(
    ui: Server, visit: Callable[..., Visitor], scheme: str, is_dark: bool
) -> None:
    page = visit(ui, color_scheme=scheme).open()
    luminance = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3)"
        ".reduce((sum, value) => sum + Number(value), 0) / 3"
    )
    assert (luminance < 80) is is_dark


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_quiet_text_and_coloured_buttons_can_be_read(
    ui: Server, visit: Callable[..., Visitor], scheme: str
) -> None:
    visitor = visit(ui, color_scheme=scheme)
    page = visitor.open()
    for place in (".start p", "#chat-title", "#chat-mode", ".side-none"):
        ratio = page.locator(place).evaluate(CONTRAST)
        assert ratio >= READABLE, (place, ratio)
    visitor.choose_tab("Images")
    for place in ("#images-draw", ".segments label.selected span"):
        ratio = page.locator(place).first.evaluate(CONTRAST)
        assert ratio >= READABLE, (place, ratio)


def test_what_goes_wrong_on_a_page_is_noticed(ui: Server, visit: Callable[..., Visitor]) -> None:
    """The judge of all other browser tests, judged; without the policy that keeps pages from calling elsewhere."""
    visitor = visit(ui, bypass_csp=True)
    visitor.open()
    visitor.page.evaluate("fetch('http://localhost:9/elsewhere').catch(() => 0)")
    visitor.page.evaluate("console.error('told'); setTimeout(() => { throw new Error('thrown') })")
    visitor.page.wait_for_timeout(1000)
    with pytest.raises(AssertionError) as noticed:
        visitor.faults.check()
    for fault in ("foreign request: http://localhost:9/elsewhere", "told", "thrown"):
        assert fault in str(noticed.value)
    visitor.faults.allow(".")


@pytest.mark.parametrize(
    "call",
    [
        "fetch('http://localhost:9/elsewhere')",
        "new Promise((done, fail) => { const i = new Image(); i.onload = done; i.onerror = fail; "
        "i.src = 'http://localhost:9/elsewhere'; })",
    ],
    ids=["fetch", "picture"],
)
def test_a_page_cannot_call_elsewhere(visitor: Visitor, call: str) -> None:
    """What a reply writes into the page cannot carry words of the chat away."""
    is_refused = f"({call}).then(() => false, () => true)"
    assert visitor.page.evaluate(is_refused)
    visitor.page.wait_for_timeout(100)
    assert any("Content Security Policy" in fault for fault in visitor.faults.seen)
    visitor.faults.allow("localhost:9/elsewhere")
