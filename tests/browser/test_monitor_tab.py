"""The tab Monitor: what the API does is seen, in counts."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.visits import PATIENCE_MS, Visitor, overflow_px
from tests.live.launch import MODEL, Server

SECRET = "a sentence that nobody else says"
QUIET_MS = 4_000
"""The monitor asks more often than that while it is seen."""


@pytest.fixture
def tab(visitor: Visitor) -> Iterator[Page]:
    visitor.choose_tab("Monitor")
    expect(visitor.page.locator("#monitor-now .tile").first).to_be_visible(timeout=PATIENCE_MS)
    return visitor.page


def write(server: Server, **more: object) -> None:
    body = {"prompt": SECRET, "max_tokens": 120, "ban_eos_token": True, **more}
    with server.client(timeout=60) as client:
        assert client.post("/v1/completions", json=body).status_code == 200


def test_a_request_appears(tab: Page, ui: Server) -> None:
    expect(tab.locator("#monitor-tables")).to_contain_text(MODEL)
    write(ui)
    tables = tab.locator("#monitor-tables")
    row = tables.locator("tr").filter(has_text="/v1/completions")
    expect(row).to_contain_text("200 × 1", timeout=PATIENCE_MS)
    expect(tables.locator("tr").filter(has_text=MODEL)).to_contain_text("0 of 8")
    assert SECRET not in tab.locator("#monitor").inner_text()
    assert SECRET not in tab.content()


def test_a_running_reply_takes_a_slot(tab: Page, ui: Server) -> None:
    body = {"prompt": SECRET, "max_tokens": 1900, "ban_eos_token": True, "stream": True}
    row = tab.locator("#monitor-tables tr").filter(has_text=MODEL)
    with ui.client(timeout=60) as client:
        for _ in range(20):  # a reply may be over before anybody looks
            with client.stream("POST", "/v1/completions", json=body) as response:
                lines = response.iter_lines()
                next(lines)
                try:
                    expect(row).to_contain_text("1 of 8", timeout=3_000)
                    return
                except AssertionError:
                    continue
    pytest.fail("no reply was ever seen to run")


def test_a_refusal_is_counted_by_its_status(tab: Page, ui: Server) -> None:
    with ui.client() as client:
        assert client.post("/v1/completions", json={"prompt": [[-5]]}).status_code == 400
    row = tab.locator("#monitor-tables tr").filter(has_text="/v1/completions")
    expect(row.locator(".status.odd")).to_contain_text("400", timeout=PATIENCE_MS)


def test_plots_have_units_and_the_days_name_the_model(tab: Page, ui: Server) -> None:
    write(ui)
    for title in ("Tokens", "Requests", "API requests", "Memory"):
        expect(
            tab.locator("#monitor-now .plot .title").filter(has_text=title).first
        ).to_be_visible()
    expect(tab.locator("#monitor-now .plot .line.k1").first).to_be_attached()
    expect(tab.locator("#monitor-days .keys")).to_contain_text(MODEL, timeout=60_000)
    assert overflow_px(tab) <= 0


def test_nothing_is_asked_for_once_another_tab_is_seen(visitor: Visitor) -> None:
    page = visitor.page
    asked: list[Request] = []

    def answers() -> int:
        """How many of the requests brought the monitor's tiles."""
        found = [each.response() for each in asked]
        return sum("tiles" in each.text() for each in found if each is not None)

    visitor.choose_tab("Monitor")
    expect(page.locator("#monitor-now .tile").first).to_be_visible(timeout=PATIENCE_MS)
    page.on("request", lambda request: asked.append(request) if "/run/" in request.url else None)
    page.wait_for_timeout(QUIET_MS)
    assert answers(), "the monitor is kept up to date while it is seen"
    visitor.choose_tab("Embeddings")
    page.wait_for_timeout(QUIET_MS)
    asked.clear()
    page.wait_for_timeout(QUIET_MS)
    assert answers() == 0
