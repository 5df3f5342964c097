"""Downloads by mouse, from a hub on this machine: list its files, fetch one, cancel, go on, and the model is there."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visits import Visitor
from tests.live.hub_server import HubServer, running_hub
from tests.live.launch import DEMO, Server, running_ui

SLOW = "slow-Q8_0.gguf"
WATCHED = "watched-Q8_0.gguf"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with running_hub() as hub:
        data = DEMO.read_bytes()
        hub.add("org/two-GGUF", {"a-Q8_0.gguf": data, "b-Q4_0.gguf": data})
        hub.add(
            "org/slow-GGUF", {SLOW: data + bytes(64)}
        )  # its bytes are told apart by their checksum
        hub.add("org/watched-GGUF", {WATCHED: data + bytes(32)})
        yield hub


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory, hub: HubServer) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("downloads-ui")
    patient = {**hub.environment, "HF_HUB_DOWNLOAD_TIMEOUT": "300"}
    with running_ui(folder, env=patient) as server:
        yield server


@pytest.fixture
def page(visitor: Visitor) -> Page:
    visitor.choose_tab("Model")
    visitor.page.get_by_role("tab", name="Download", exact=True).click()
    expect(visitor.page.locator("#download-list")).not_to_be_empty()
    return visitor.page


def name_it(page: Page, name: str) -> None:
    page.locator("#download-name textarea, #download-name input").fill(name)


def test_one_of_several_files_is_chosen_and_fetched(ui: Server, page: Page) -> None:
    name_it(page, "org/two-GGUF")
    page.locator("#download-look").click()
    page.locator("#download-file input").click()
    page.get_by_role("option", name="b-Q4_0.gguf (").click()
    page.locator("#download-start").click()
    expect(page.locator("#download-list .item .chip")).to_have_text("done")
    expect(page.locator("#model-list")).to_contain_text("b-Q4_0.gguf")
    assert not list((ui.user_data / "models").rglob("a-Q8_0.gguf"))


def test_a_name_that_is_pasted_forgets_the_files_of_the_last_one(page: Page) -> None:
    name_it(page, "org/two-GGUF")
    page.locator("#download-look").click()
    file = page.locator("#download-file input")
    file.click()
    page.get_by_role("option", name="b-Q4_0.gguf (").click()
    expect(file).to_have_value(re.compile("b-Q4_0.gguf"))
    page.locator("#download-name textarea, #download-name input").press("ControlOrMeta+a")
    page.keyboard.insert_text("org/slow-GGUF")  # as pasting does: no key writes the letters
    expect(file).to_have_value("What the model needs")


def test_what_is_ambiguous_says_what_there_is(page: Page) -> None:
    name_it(page, "org/two-GGUF")
    page.locator("#download-start").click()
    expect(page.locator(".toast-wrap")).to_contain_text("name one of them")


def test_a_model_that_is_not_there_says_so(page: Page) -> None:
    name_it(page, "org/none")
    page.locator("#download-look").click()
    expect(page.locator(".toast-wrap")).to_contain_text("The hub has no model org/none")
    page.locator("#download-file input").click()  # nothing lies over the field
    expect(page.get_by_role("option", name="What the model needs")).to_be_visible()


def test_another_page_shows_what_is_fetched_by_itself(
    hub: HubServer, page: Page, visit: Callable[..., Visitor], ui: Server
) -> None:
    other = visit(ui)
    other.open()
    other.choose_tab("Model")
    other.page.get_by_role("tab", name="Download", exact=True).click()
    expect(other.page.locator("#download-list")).not_to_be_empty()
    hub.hold[WATCHED] = 1_000_000
    name_it(page, "org/watched-GGUF")
    page.locator("#download-start").click()
    item = other.page.locator("#download-list .item", has_text="org/watched-GGUF")
    expect(item).to_contain_text("1.02 MB of 2.33 MB")
    hub.hold.clear()
    hub.release.set()
    expect(item.locator(".chip")).to_have_text("done")
    expect(other.page.locator("#model-list")).to_contain_text(WATCHED)
    hub.release.clear()


def test_a_download_is_cancelled_and_goes_on(ui: Server, hub: HubServer, page: Page) -> None:
    hub.hold[SLOW] = 1_000_000
    name_it(page, "org/slow-GGUF")
    page.locator("#download-start").click()
    item = page.locator("#download-list .item", has_text="org/slow-GGUF")
    expect(item).to_contain_text("1.02 MB of 2.33 MB")
    item.get_by_role("button", name="Cancel").click()
    expect(item.locator(".chip")).to_have_text("cancelled")
    hub.hold.clear()
    hub.release.set()
    item.get_by_role("button", name="Resume").click()
    expect(item.locator(".chip")).to_have_text("done")
    expect(page.locator("#model-list")).to_contain_text(SLOW)
    assert any(seen.range.startswith("bytes=") for seen in hub.seen)
