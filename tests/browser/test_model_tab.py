"""The header and the model tab, by mouse: choose, load with options, cancel, fail, save, adapters, template, two pages."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Locator, Page, expect

from tests.browser.visits import PHONE, Visitor, choose_inner_tab, overflow_px
from tests.live.launch import DEMO, ROOT, Server, running_ui

LORAS = ROOT / "user_data" / "loras"
SECOND = "second-Q8_0.gguf"
BROKEN = "broken.gguf"
VISION = "tiny-vision-Q8_0.gguf"


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With three models that can be loaded, one that cannot, and an adapter."""
    folder = tmp_path_factory.mktemp("models-ui")
    broken = folder / BROKEN
    broken.write_bytes(b"GGUF but no model")
    vision = ROOT / "user_data" / "models" / VISION
    models = {DEMO.name: DEMO, SECOND: DEMO, VISION: vision, BROKEN: broken}
    adapter = folder / "user_data" / "loras" / "tiny-pirate.gguf"
    adapter.parent.mkdir(parents=True)
    adapter.write_bytes((LORAS / "tiny-pirate.gguf").read_bytes())
    with running_ui(folder, "--model", DEMO.name, models=models) as server:
        yield server


@pytest.fixture
def page(ui: Server, visitor: Visitor) -> Iterator[Page]:
    yield visitor.page
    with ui.client() as client:  # as it was for the next test
        client.post("/v1/internal/model/load", json={"model_name": DEMO.name})
    (ui.user_data / "models" / "config-user.yaml").unlink(missing_ok=True)


def chip(page: Page) -> Locator:
    return page.locator("#header-state .chip")


def choose_in_header(page: Page, name: str) -> None:
    page.locator("#header-model input").click()
    page.get_by_role("option", name=name, exact=True).click()


def open_model(visitor: Visitor, name: str) -> Page:
    """The tab with this model chosen, and its options there."""
    visitor.choose_tab("Model")
    row = visitor.page.locator(f"#model-list [data-name='{name}']")
    row.click()
    expect(row).to_have_attribute("aria-pressed", "true")
    expect(visitor.page.locator(".model-title")).to_have_text(name)
    if name != BROKEN:
        expect(visitor.page.locator(f".memory[data-model='{name}']")).to_be_visible()
    return visitor.page


def toast(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.locator(".toast-wrap").filter(has_text=text)).to_be_visible()


def test_the_header_shows_what_is_loaded_and_loads_another(page: Page) -> None:
    expect(page.locator("#header-model input")).to_have_value(DEMO.name)
    expect(chip(page)).to_have_text("ready")
    choose_in_header(page, SECOND)
    expect(chip(page)).to_have_attribute("title", re.compile(f"^{SECOND} is loaded"))
    expect(page.locator("#header-model input")).to_have_value(SECOND)


def test_pages_agree(ui: Server, page: Page, visit: Callable[..., Visitor]) -> None:
    other = visit(ui).open()
    choose_in_header(page, SECOND)
    expect(other.locator("#header-model input")).to_have_value(SECOND)
    other.locator("#header-unload").click()
    expect(chip(page)).to_have_text("no model")
    expect(page.locator("#header-unload")).to_be_hidden()


def test_what_the_api_loads_shows_on_the_page(ui: Server, page: Page) -> None:
    with ui.client() as client:
        client.post("/v1/internal/model/load", json={"model_name": SECOND}).raise_for_status()
    expect(page.locator("#header-model input")).to_have_value(SECOND)


def test_a_load_that_fails_says_why_and_leaves_what_works(page: Page) -> None:
    choose_in_header(page, BROKEN)
    toast(page, re.compile("cut short or damaged"))
    expect(chip(page)).to_have_text("ready")
    expect(chip(page)).to_have_attribute("title", re.compile("The last load failed: .*damaged"))
    expect(page.locator("#header-model input")).to_have_value(DEMO.name)


def test_the_header_is_one_line_on_a_phone(ui: Server, visit: Callable[..., Visitor]) -> None:
    page = visit(ui, viewport=PHONE).open()
    expect(chip(page)).to_be_visible()
    box = page.locator("#header").bounding_box()
    assert box is not None
    assert box["height"] < 60
    assert overflow_px(page) <= 0


@pytest.mark.parametrize("system", ["light", "dark"])
def test_light_or_dark_follows_the_system_until_it_is_chosen(
    ui: Server, visit: Callable[..., Visitor], system: str
) -> None:
    page = visit(ui, color_scheme=system).open()
    is_dark = "document.body.classList.contains('dark')"
    assert page.evaluate(is_dark) is (system == "dark")
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(is_dark) is (system == "light")
    page.reload()
    expect(chip(page)).to_be_visible()
    assert page.evaluate(is_dark) is (system == "light")
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate("localStorage.getItem('hearth-theme')") is None


def test_options_change_the_estimate_and_the_load(visitor: Visitor, page: Page) -> None:
    open_model(visitor, DEMO.name)
    expect(page.locator(".memory-line")).to_contain_text("2,048 tokens for each of 8 requests")
    page.locator("#option-llamacpp-ctx_size input").fill("512")
    page.locator("#option-llamacpp-parallel input").fill("2")
    expect(page.locator(".memory-line")).to_contain_text("512 tokens for each of 2 requests")
    page.locator("#model-load").click()
    toast(page, f"{DEMO.name} is loaded.")
    expect(page.locator("#model-facts .state-ready")).to_have_attribute(
        "title", "512 tokens, 2 at once"
    )
    expect(page.locator("#option-llamacpp-ctx_size input")).to_have_value("512")


def test_a_wrong_option_is_told_at_once(visitor: Visitor, page: Page) -> None:
    open_model(visitor, DEMO.name)
    page.get_by_role("button", name="Speed").click()
    page.locator("#option-llamacpp-ubatch_size input").fill("1")
    expect(page.locator("#model-memory .problem")).to_contain_text("at least 32")


def test_settings_are_saved_for_this_model_and_forgotten(
    ui: Server, visitor: Visitor, page: Page
) -> None:
    open_model(visitor, SECOND)
    page.locator("#option-llamacpp-ctx_size input").fill("768")
    page.locator("#model-save").click()
    expect(page.locator("#model-saved")).to_contain_text("ctx_size 768")
    file = ui.user_data / "models" / "config-user.yaml"
    assert yaml.safe_load(file.read_text()) == {f"{SECOND}$": {"ctx_size": 768}}
    page.locator("#model-load").click()
    expect(page.locator("#model-facts .state-ready")).to_have_attribute(
        "title", re.compile("^768 tokens")
    )
    page.locator("#model-forget").click()
    expect(page.locator("#model-saved")).not_to_contain_text("ctx_size")


def test_unload_and_load_again(visitor: Visitor, page: Page) -> None:
    open_model(visitor, DEMO.name)
    expect(page.locator("#model-load")).to_have_text("Reload")
    page.locator("#model-unload").click()
    expect(chip(page)).to_have_text("no model")
    expect(page.locator("#model-load")).to_have_text("Load")
    expect(page.locator("#model-list .state-ready")).to_have_count(0)
    page.locator("#model-load").click()
    expect(chip(page)).to_have_text("ready")


def test_a_damaged_file_says_so_before_it_is_loaded(visitor: Visitor, page: Page) -> None:
    open_model(visitor, BROKEN)
    problem = page.locator("#model-facts .problem")
    expect(problem).to_contain_text("cut short or damaged: download it again, or delete it")
    expect(page.locator("#model-memory")).to_contain_text("cannot be told")
    expect(page.locator("#model-memory")).not_to_contain_text("MiB")


def test_adapters_are_put_on_and_taken_off(ui: Server, visitor: Visitor, page: Page) -> None:
    open_model(visitor, DEMO.name)
    choose_inner_tab(page, "LoRA")
    page.locator("#adapter-scale input").fill("0.5")
    page.locator("#adapter-put").click()
    expect(page.locator("#adapter-list .item")).to_contain_text("scale 0.5")
    with ui.client() as client:
        loaded = client.get("/v1/internal/lora/list").json()["loaded"]
    assert [(each["name"], each["scale"]) for each in loaded] == [("tiny-pirate", 0.5)]
    page.locator("#adapter-list .small-button").click()
    expect(page.locator("#adapter-list")).to_contain_text("No adapter is on this model")


def test_a_shipped_template_is_previewed_saved_and_taken_back(
    ui: Server, visitor: Visitor, page: Page
) -> None:
    open_model(visitor, DEMO.name)
    page.get_by_role("tab", name="Template", exact=True).click()
    preview = page.locator("#template-preview .cm-content")
    expect(preview).to_contain_text("<|im_start|>user")
    expect(page.locator("#template-source")).to_contain_text("model metadata")
    page.locator("#template-shipped input").click()
    page.get_by_role("option", name="Alpaca", exact=True).click()
    expect(preview).to_contain_text("### Instruction:")
    page.locator("#template-save").click()
    expect(page.locator("#template-source")).to_contain_text("saved setting (Alpaca)")
    file = ui.user_data / "models" / "config-user.yaml"
    assert yaml.safe_load(file.read_text()) == {f"{DEMO.name}$": {"instruction_template": "Alpaca"}}
    page.locator("#template-reset").click()
    expect(page.locator("#template-source")).to_contain_text("model metadata")
    assert not yaml.safe_load(file.read_text())


def test_a_template_with_a_fault_is_not_saved(ui: Server, visitor: Visitor, page: Page) -> None:
    open_model(visitor, DEMO.name)
    page.get_by_role("tab", name="Template", exact=True).click()
    editor = page.locator("#template-text .cm-content")
    expect(page.locator("#template-preview .cm-content")).to_contain_text("<|im_start|>user")
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("{% for m in messages %}{{ m.content }}")
    expect(page.locator("#template-preview .cm-content")).to_contain_text("not valid")
    page.locator("#template-save").click()
    toast(page, re.compile("not valid"))
    is_readable = """id => {
      const block = document.getElementById(id)
      const line = block.querySelector('.cm-line').getBoundingClientRect()
      const buttons = block.querySelector('.icon-button-wrapper').getBoundingClientRect()
      return line.top >= buttons.bottom && block.offsetHeight < 700
    }"""
    for block in ("template-text", "template-preview"):
        assert page.evaluate(is_readable, block)
    assert not (ui.user_data / "models" / "config-user.yaml").exists()


def test_what_cannot_be_downloaded_is_told(ui: Server, visitor: Visitor, page: Page) -> None:
    visitor.choose_tab("Model")
    page.get_by_role("tab", name="Download", exact=True).click()
    page.locator("#download-name textarea, #download-name input").fill("no name of a model")
    page.locator("#download-start").click()
    toast(page, re.compile("is no name of a repository"))
    assert not (Path(ui.user_data) / "models" / ".downloads").exists()
