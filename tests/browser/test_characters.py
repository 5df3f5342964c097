"""The tab Character: make one, edit, import and delete it, chat with it; who the user is."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.visits import Visitor, choose_inner_tab
from tests.live.launch import Server, eventually
from tests.unit.chats.makers import png
from tests.unit.prompts.test_characters import V2, encoded, png as card, text_chunk


@pytest.fixture
def characters(visitor: Visitor) -> Page:
    visitor.choose_tab("Character")
    return visitor.page


def field(page: Page, name: str) -> Locator:
    return page.locator(f"#{name}").locator("textarea, input").first


def profile(ui: Server) -> dict[str, object]:
    path = ui.user_data / "profiles" / "default.json"
    return json.loads(path.read_text()) if path.exists() else {}


def test_a_character_is_made_edited_and_deleted(
    characters: Page, ui: Server, tmp_path: Path
) -> None:
    picture = tmp_path / "blue.png"
    picture.write_bytes(png("blue", (300, 500)))
    folder = ui.user_data / "characters"
    characters.locator("#character-new").click()
    expect(characters.locator("#character-file")).to_have_text("Not saved yet")
    field(characters, "character-name").fill("Ada")
    field(characters, "character-greeting").fill("Good day, *{{user}}*. I am {{char}}.")
    field(characters, "character-context").fill("{{char}} counts.")
    characters.locator("#character-picture input[type=file]").set_input_files(picture)
    expect(characters.locator("#character-picture img")).to_be_visible()
    characters.locator("#character-save").click()
    expect(characters.locator("#character-list")).to_contain_text("Ada")
    expect(characters.locator("#character-greeted")).to_have_text("Good day, You. I am Ada.")
    assert "counts" in (folder / "Ada.yaml").read_text()
    assert (folder / "Ada.png").exists()
    field(characters, "character-context").fill("{{char}} computes.")
    characters.locator("#character-list button", has_text="Assistant").click()
    expect(characters.locator(".toast-body.error")).to_contain_text("is not saved")
    expect(field(characters, "character-name")).to_have_value("Ada")
    characters.locator("#character-save").click()
    eventually(lambda: "computes" in (folder / "Ada.yaml").read_text())
    characters.locator("#character-delete").click()
    characters.locator("#character-delete-sure").click()
    expect(characters.locator("#character-list")).not_to_contain_text("Ada")
    assert not list(folder.glob("Ada.*"))
    assert "counts" not in ui.logged


def test_a_picture_that_is_none_is_refused_and_the_old_one_stays(
    characters: Page, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    characters.locator("#character-list button", has_text="Ember").click()
    image = characters.locator("#character-picture img")
    expect(image).to_have_attribute("src", re.compile("Example"))
    characters.locator("#character-picture").get_by_label("Remove Image").click()
    expect(image).to_have_count(0)
    characters.locator("#character-picture input[type=file]").set_input_files(broken)
    expect(characters.locator(".toast-body")).to_contain_text("The picture cannot be read")
    expect(image).to_have_attribute("src", re.compile("Example"))


def test_lists_call_characters_by_their_own_names(
    ui: Server, visit: Callable[..., Visitor]
) -> None:
    folder = ui.user_data / "characters"
    for file in ("cat-v2", "cat-v3"):
        (folder / f"{file}.yaml").write_text("name: Mia\ngreeting: Meow.\n")
    visitor = visit(ui)
    page = visitor.open()
    page.locator("#chat-mode").click()
    names = page.locator(".chat-panel .person > span:last-child")
    expected = ["Assistant", "Ember", "Mia (cat-v2)", "Mia (cat-v3)"]
    expect(names).to_have_text(["No character", *expected])
    page.locator(".chat-panel [data-value=cat-v3]").click()
    expect(page.locator("#chat-mode")).to_contain_text("Mia")
    eventually(lambda: profile(ui).get("character") == "cat-v3")
    visitor.choose_tab("Character")
    expect(page.locator("#character-list button span:not(.letter)")).to_have_text(expected)
    page.locator("#character-list button", has_text="cat-v2").click()
    expect(page.locator("#character-file")).to_have_text("cat-v2 in the folder of the characters")
    page.locator("#character-delete").click()
    page.locator("#character-delete-sure").click()
    expect(page.locator(".toast-body")).to_contain_text("Mia (cat-v2) is deleted.")
    expect(page.locator("#character-list button[aria-pressed=true]")).to_have_text(
        re.compile("Mia$")
    )
    (folder / "cat-v3.yaml").unlink()


def test_a_card_is_imported(characters: Page, ui: Server, tmp_path: Path) -> None:
    file = tmp_path / "some card.png"
    file.write_bytes(card(text_chunk(encoded(V2))))
    upload = characters.locator("#tab-character input[type=file][accept*='.json']")
    upload.set_input_files(file)
    expect(field(characters, "character-name")).to_have_value("Ada")
    expect(characters.locator("#character-list button[aria-pressed=true]")).to_have_text("Ada")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    upload.set_input_files(broken)
    expect(characters.locator(".toast-body.error")).to_contain_text("not valid JSON")
    assert sorted(path.name for path in (ui.user_data / "characters").glob("Ada*")) == ["Ada.png"]


def test_one_that_was_deleted_elsewhere_can_be_left(characters: Page, ui: Server) -> None:
    file = ui.user_data / "characters" / "Brief.yaml"
    file.write_text("name: Brief")
    characters.reload()
    characters.locator("#tab-character-button").click()
    brief = characters.locator("#character-list button", has_text="Brief")
    brief.click()
    expect(field(characters, "character-name")).to_have_value("Brief")
    file.unlink()
    characters.locator("#character-list button", has_text="Ember").click()
    expect(characters.locator(".toast-wrap")).to_contain_text("choose Brief again to drop it")
    brief.click()
    expect(characters.locator(".toast-wrap")).to_contain_text("Brief is not there any more.")
    expect(brief).to_have_count(0)
    expect(field(characters, "character-name")).not_to_have_value("Brief")


def test_a_long_name_stays_in_its_place(characters: Page) -> None:
    field(characters, "character-name").fill("W" * 100)
    field(characters, "character-name").press("Tab")
    head = characters.locator("#character-head")
    expect(head).to_contain_text("W" * 100)
    assert head.evaluate("e => [...e.querySelectorAll('b')].every(b => b.getBoundingClientRect().right <= innerWidth)")  # fmt: skip


def test_the_keyboard_goes_on_where_it_was_asked_once_more(characters: Page, ui: Server) -> None:
    (ui.user_data / "characters" / "Gone.yaml").write_text("name: Gone")
    characters.reload()
    characters.locator("#tab-character-button").click()
    characters.locator("#character-list button", has_text="Gone").press("Enter")
    expect(field(characters, "character-name")).to_have_value("Gone")
    delete = characters.locator("#character-delete")
    delete.press("Enter")
    expect(characters.locator("#character-delete-keep")).to_be_focused()
    characters.keyboard.press("Enter")
    expect(delete).to_be_focused()
    characters.keyboard.press("Enter")
    expect(characters.locator("#character-delete-keep")).to_be_focused()
    characters.keyboard.press("Shift+Tab")
    characters.keyboard.press("Enter")
    expect(characters.locator("#character-list")).not_to_contain_text("Gone")
    expect(delete).to_be_focused()


def test_who_the_user_is_counts_for_characters(
    characters: Page, ui: Server, visitor: Visitor
) -> None:
    choose_inner_tab(characters, "You")
    field(characters, "you-name").fill("Charles")
    field(characters, "you-bio").fill("Likes engines.")
    field(characters, "you-bio").press("Tab")
    expect(characters.locator("#you-note")).to_have_text("Kept.")
    eventually(lambda: profile(ui).get("user_bio") == "Likes engines.")
    characters.get_by_role("tab", name="Characters", exact=True).click()
    characters.locator("#character-list button", has_text="Ember").click()
    expect(characters.locator("#character-greeted")).to_contain_text("Sit down, Charles")
    field(characters, "character-user").fill("x" * 101)
    characters.locator("#character-save").click()
    expect(characters.locator(".toast-body.error")).to_contain_text("100 characters at most")


def test_a_chat_with_a_character_begins_with_its_greeting(characters: Page, ui: Server) -> None:
    characters.locator("#character-list button", has_text="Ember").click()
    expect(field(characters, "character-name")).to_have_value("Ember")
    characters.locator("#character-chat").click()
    expect(characters.locator("#tab-chat")).to_be_visible()
    expect(characters.locator("#tab-chat")).to_contain_text(re.compile("waves you closer"))
    eventually(
        lambda: (profile(ui).get("character"), profile(ui).get("mode")) == ("Example", "chat")
    )
