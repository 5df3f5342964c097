"""The tab Parameters, by mouse and keyboard."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.talking import Talk
from tests.browser.visits import Visitor
from tests.live.launch import Server, eventually


@pytest.fixture
def parameters(visitor: Visitor) -> Page:
    visitor.choose_tab("Parameters")
    return visitor.page


def kept(ui: Server) -> dict[str, object]:
    path = ui.user_data / "profiles" / "default.json"
    return json.loads(path.read_text())["parameters"] if path.exists() else {}


def write(page: Page, name: str, text: str) -> None:
    field = page.locator(f"#param-{name}").locator("input[type=number], textarea").first
    field.fill(text)
    field.press("Tab")


def test_a_changed_value_is_marked_told_and_kept(
    parameters: Page, ui: Server, visitor: Visitor
) -> None:
    write(parameters, "temperature", "0.7")
    expect(parameters.locator("#params-summary")).to_contain_text(re.compile(r"temperature\s+0\.7"))
    expect(parameters.locator("#param-temperature")).to_have_class(re.compile("is-changed"))
    eventually(lambda: kept(ui)["sampling"] == {"temperature": 0.7})
    visitor.open()
    visitor.choose_tab("Parameters")
    expect(parameters.locator("#param-temperature input[type=number]")).to_have_value("0.7")
    parameters.locator("#params-reset").click()
    expect(parameters.locator("#params-summary")).to_contain_text("as the server has them")
    expect(parameters.locator("#param-temperature")).not_to_have_class(re.compile("is-changed"))


def test_two_open_pages_do_not_undo_each_others_changes(
    ui: Server, visit: Callable[..., Visitor]
) -> None:
    first, second = visit(ui), visit(ui)
    for visitor in (first, second):
        visitor.open()
        visitor.choose_tab("Parameters")
    write(first.page, "temperature", "0.7")
    eventually(lambda: kept(ui)["sampling"] == {"temperature": 0.7})
    write(second.page, "top_k", "5")
    eventually(lambda: kept(ui)["sampling"] == {"temperature": 0.7, "top_k": 5})
    first.open()
    first.choose_tab("Parameters")
    expect(first.page.locator("#param-top_k input[type=number]")).to_have_value("5")
    first.page.locator("#params-reset").click()
    eventually(lambda: kept(ui)["sampling"] == {})


def test_a_wrong_value_is_refused_with_a_sentence(parameters: Page, ui: Server) -> None:
    write(parameters, "top_k", "-7")
    expect(parameters.locator(".toast-body.warning")).to_contain_text("top_k must be at least -1")
    expect(parameters.locator("#param-top_k")).to_have_class(re.compile("is-wrong"))
    write(parameters, "top_k", "0")
    expect(parameters.locator("#param-top_k")).not_to_have_class(re.compile("is-wrong"))
    assert "-7" not in ui.logged


def test_what_a_slider_shows_is_what_counts(parameters: Page, ui: Server, visitor: Visitor) -> None:
    number = parameters.locator("#param-temperature input[type=number]")
    for typed, shown in (("0.7", "0.7"), ("99", "5"), ("-1", "0"), ("", "0")):
        write(parameters, "temperature", typed)
        expect(number).to_have_value(shown)
        eventually(lambda shown=shown: kept(ui)["sampling"] == {"temperature": float(shown)})
        visitor.wait_until_ready()
    expect(parameters.locator("#params-summary")).to_contain_text(re.compile(r"temperature\s+0"))
    parameters.locator("#param-temperature").get_by_label("Reset to default value").click()
    expect(number).to_have_value("1")
    eventually(lambda: kept(ui)["sampling"] == {})
    expect(parameters.locator("#param-temperature")).not_to_have_class(re.compile("is-changed"))
    expect(parameters.locator(".toast-body")).to_have_count(0)


def test_a_preset_is_loaded_saved_and_deleted(parameters: Page, ui: Server) -> None:
    preset = parameters.locator("#params-preset input")
    preset.click()
    parameters.get_by_role("option", name="Creative").click()
    expect(parameters.locator("#params-summary")).to_contain_text("temperature_last")
    expect(parameters.locator("#param-temperature input[type=number]")).to_have_value("1.25")
    preset.fill("My own")
    preset.press("Enter")
    parameters.locator("#params-preset-save").click()
    path = ui.user_data / "presets" / "My own.yaml"
    expect(parameters.locator(".toast-body")).to_contain_text("My own is saved")
    assert "temperature: 1.25" in path.read_text()
    parameters.locator("#params-preset-delete").click()
    parameters.locator("#params-preset-delete-sure").click()
    eventually(lambda: not path.exists())
    parameters.locator("#params-reset").click()
    expect(parameters.locator("#params-summary")).to_contain_text("as the server has them")


def test_a_preset_is_chosen_with_the_keyboard(parameters: Page) -> None:
    preset = parameters.locator("#params-preset input")
    preset.click()
    expect(parameters.get_by_role("option", name="Creative")).to_be_visible()
    for _ in range(3):
        preset.press("ArrowDown")
    preset.press("Enter")
    expect(preset).to_have_value("Creative")
    expect(parameters.locator("#params-summary")).to_contain_text("temperature_last")
    parameters.locator("#params-reset").click()
    expect(parameters.locator("#params-summary")).to_contain_text("as the server has them")


def test_a_chat_of_its_own_leaves_the_others_alone(parameters: Page, ui: Server) -> None:
    parameters.locator("#params-scope input").click()
    write(parameters, "seed", "7")
    expect(parameters.locator("#params-summary")).to_contain_text("seed")
    assert kept(ui).get("sampling", {}) == {}
    parameters.locator("#params-scope input").click()
    expect(parameters.locator("#params-summary")).to_contain_text("as the server has them")


def test_a_grammar_is_chosen_edited_and_judged(parameters: Page, ui: Server) -> None:
    parameters.get_by_role("button", name="Grammar").click()
    parameters.locator("#grammar-file input").click()
    parameters.get_by_role("option", name="yes_no").click()
    expect(parameters.locator("#grammar-text textarea")).to_have_value(re.compile("root ::="))
    expect(parameters.locator("#grammar-state")).to_contain_text("In force")
    parameters.locator("#grammar-text textarea").fill('root ::= "a')
    parameters.locator("#grammar-text textarea").press("Tab")
    expect(parameters.locator("#grammar-state")).to_contain_text("Not right")
    parameters.locator("#grammar-text textarea").fill('root ::= "a"')
    parameters.locator("#grammar-name").locator("input, textarea").fill("letter")
    parameters.locator("#grammar-save").click()
    path = ui.user_data / "grammars" / "letter.gbnf"
    eventually(path.exists)
    expect(parameters.locator("#grammar-state")).to_contain_text("In force")
    parameters.locator("#grammar-file input").click()
    parameters.get_by_role("option", name="None").click()
    expect(parameters.locator("#grammar-state")).to_have_text("")
    eventually(lambda: kept(ui)["grammar"] == "")


def test_parameters_of_a_chat_are_kept_with_it(ui: Server, visitor: Visitor) -> None:
    page, talk = visitor.page, Talk(visitor.page)
    talk.ask("What color is the sky?")
    visitor.choose_tab("Parameters")
    page.locator("#params-scope input").click()
    write(page, "seed", "7")
    expect(page.locator("#params-summary")).to_contain_text("seed")
    [file] = (ui.user_data / "logs" / "chats").glob("*.json")

    def own() -> object:
        return json.loads(file.read_text())["settings"]["parameters"]["sampling"]

    eventually(lambda: own() == {"seed": 7})
    visitor.choose_tab("Chat")
    page.locator("#chat-new").click()
    expect(talk.messages).to_have_count(0)
    visitor.choose_tab("Parameters")
    expect(page.locator("#params-summary")).to_contain_text("as the server has them")
    expect(page.locator("#params-scope input")).not_to_be_checked()
    visitor.choose_tab("Chat")
    talk.chats.first.click()
    expect(talk.questions).to_have_count(1)
    visitor.choose_tab("Parameters")
    expect(page.locator("#params-summary")).to_contain_text("seed")
    expect(page.locator("#params-scope input")).to_be_checked()
