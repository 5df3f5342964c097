"""The chat tab by mouse and keyboard, on a real server with the demo model."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.talking import Talk
from tests.browser.visits import PHONE, Visitor, overflow_px
from tests.live.launch import Server, eventually, running_ui

SKY = "What color is the sky?"
BLUE = "The sky is blue."
USED = re.compile("^[1-9][0-9]* of 2,048 tokens")
"""What the meter of the context says once there is something in it."""
BROKEN_OFF = "AbortError|Connection errored out"
"""What Gradio says of its own connections when a page is left."""
EXTENSION = '''
"""Answers slowly where it is asked to, and says when it was stopped."""
import time
from pathlib import Path

LONG = Path(__file__).with_name("long.md").read_text(encoding="utf-8")
ENDED = Path(__file__).with_name("ended.txt")


def ui(context):
    import gradio as gr

    gr.Textbox(label="A field of an extension")


def chat_input_modifier(text, visible_text, state):
    return text.replace("REPLACED", "sky"), visible_text


def custom_generate_reply(prompt, state):
    last = next(each.text for each in reversed(state.messages) if each.role == "user")
    if "slowly" in last:
        return slow()
    return iter([LONG[i : i + 9] for i in range(0, len(LONG), 9)]) if "at length" in last else None


def slow():
    ENDED.unlink(missing_ok=True)
    try:
        for number in range(2000):
            time.sleep(0.15)
            yield f"word{number} "
    finally:
        ENDED.write_text("ended")
'''
LONG = """# A heading

Some *text* with $x^2$ and a price of $5.

| a | b |
|---|---|
| 1 | 2 |

```python
print("hello")
```

<script>window.broken = 1</script> <img src="x" onerror="window.broken = 1">

![a picture](https://example.org/picture.png)

"""
WEATHER = '''
def get_weather(city: str) -> dict:
    """Get the weather of a city

    :param city: Name of the city
    """
    return {"temperature": 17, "condition": "cloudy"}
'''


def furnish(folder: Path) -> Path:
    """What a server finds in its folder when it starts: replies that can be foreseen, an extension, a tool."""
    user_data = folder / "user_data"
    files = {
        "profiles/default.json": json.dumps({"parameters": {"sampling": {"temperature": 0}}}),
        "extensions/slowly/script.py": EXTENSION,
        "extensions/slowly/long.md": LONG * 8,
        "tools/weather.py": WEATHER,
    }
    for name, content in files.items():
        (user_data / name).parent.mkdir(parents=True, exist_ok=True)
        (user_data / name).write_text(content, encoding="utf-8")
    return user_data


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("chat-ui")
    furnish(folder)
    with running_ui(folder, "--extensions", "slowly") as server:
        yield server


@pytest.fixture
def talk(ui: Server, visitor: Visitor) -> Iterator[Talk]:
    yield Talk(visitor.page)
    (ui.user_data / "profiles" / "default.json").write_text(
        json.dumps({"parameters": {"sampling": {"temperature": 0}}})
    )


def test_a_conversation(talk: Talk) -> None:
    expect(talk.page.locator(".start h2")).to_have_text("How can I help?")
    talk.page.locator(".example", has_text=SKY).click()
    talk.wait()
    expect(talk.questions).to_have_text(re.compile(re.escape(SKY)))
    expect(talk.text).to_have_text(BLUE)
    expect(talk.last.locator(".message-meta")).to_contain_text("tokens")
    talk.ask("What is the capital of Japan?")
    expect(talk.text).to_contain_text("Tokyo")
    expect(talk.replies).to_have_count(2)
    expect(talk.page.locator("#chat-title")).to_have_text(SKY)
    expect(talk.chats.first).to_have_attribute("aria-current", "true")
    expect(talk.page.locator("#chat-meter")).to_have_attribute(
        "title", re.compile("of 2,048 tokens")
    )


def test_the_context_of_a_new_chat_is_not_that_of_the_last(talk: Talk) -> None:
    meter = talk.page.locator("#chat-meter")
    talk.ask(SKY)
    expect(meter).to_have_attribute("title", USED)
    talk.start_anew()
    expect(meter).to_have_attribute("title", re.compile("^0 of 2,048 tokens"))


def test_a_page_that_is_loaded_again_comes_back_to_its_chat(talk: Talk, visitor: Visitor) -> None:
    visitor.faults.allow(BROKEN_OFF)
    talk.ask("What does a cow say?")
    expect(talk.chats.first).to_contain_text("What does a cow say?")
    talk.page.reload()
    expect(talk.messages).to_have_count(2)
    expect(talk.text).to_contain_text("moo")
    expect(talk.chats.first).to_have_attribute("aria-current", "true")
    talk.start_anew()
    talk.page.reload()
    visitor.wait_until_ready()
    expect(talk.messages).to_have_count(0)


def test_what_is_typed_but_not_sent_survives_a_reload(talk: Talk, visitor: Visitor) -> None:
    visitor.faults.allow(BROKEN_OFF)
    talk.field.fill("half a\nthought")
    talk.page.reload()
    expect(talk.field).to_have_value("half a\nthought")
    other = Talk(visitor.context.new_page())
    other.page.goto(visitor.url)
    expect(other.page.locator(".start h2")).to_be_visible()
    expect(other.field).to_have_value("")
    talk.field.press("Enter")
    talk.wait()
    talk.page.reload()
    expect(talk.questions).to_have_count(1)
    expect(talk.field).to_have_value("")


def test_what_is_typed_in_a_private_chat_ends_with_the_page(talk: Talk, visitor: Visitor) -> None:
    visitor.faults.allow(BROKEN_OFF)
    talk.page.locator("#chat-private").click()
    expect(talk.page.locator(".talk-private")).to_be_visible()
    talk.field.fill("a secret")
    talk.page.reload()
    visitor.wait_until_ready()
    expect(talk.page.locator(".start h2")).to_be_visible()
    expect(talk.field).to_have_value("")
    assert "secret" not in talk.page.evaluate("JSON.stringify(sessionStorage)")


def test_what_the_server_does_not_get_is_not_lost(talk: Talk, visitor: Visitor) -> None:
    visitor.faults.allow(f"{BROKEN_OFF}|ERR_FAILED")
    talk.page.route("**/gradio_api/queue/join*", lambda _: None)
    talk.send("A whole thought")
    expect(talk.field).to_have_value("")
    talk.page.reload()
    expect(talk.field).to_have_value("A whole thought")
    talk.page.unroute("**/gradio_api/queue/join*")
    talk.page.route("**/gradio_api/queue/join*", lambda route: route.abort())
    with talk.page.expect_navigation():  # a page that cannot reach its server loads itself again
        talk.send(SKY)
    talk.page.unroute("**/gradio_api/queue/join*")
    expect(talk.field).to_have_value(SKY)
    talk.field.press("Enter")
    expect(talk.text).to_have_text(BLUE)
    talk.page.reload()
    expect(talk.questions).to_have_count(1)
    expect(talk.field).to_have_value("")


def test_what_came_back_goes_again_when_it_is_answered_after_all(talk: Talk) -> None:
    talk.page.route("**/gradio_api/queue/join*", lambda _: None)
    talk.send(SKY)
    talk.page.evaluate(
        "document.body.append(Object.assign(document.createElement('i'), {className: 'toast-body error'}))"
    )
    expect(talk.field).to_have_value(SKY)
    expect(talk.page.locator("#chat-send[aria-label=Send]")).to_be_visible()
    talk.page.unroute("**/gradio_api/queue/join*")  # goes on with what is held
    expect(talk.text).to_have_text(BLUE)
    expect(talk.field).to_have_value("")
    expect(talk.questions).to_have_count(1)


def test_keys_for_new_lines_and_sending(talk: Talk) -> None:
    talk.field.fill("one")
    talk.field.press("Shift+Enter")
    talk.field.press_sequentially("two")
    expect(talk.field).to_have_value("one\ntwo")
    talk.field.press("Enter")
    expect(talk.questions.locator(".plain")).to_have_text("one\ntwo")
    talk.wait()


def test_what_is_typed_anywhere_in_the_chat_goes_to_the_field(talk: Talk, visitor: Visitor) -> None:
    page, keys = talk.page, talk.page.keyboard
    page.locator(".example", has_text=SKY).click()
    expect(talk.field).to_be_focused()
    talk.wait()
    copied = talk.last.get_by_role("button", name="Copy", exact=True)
    copied.focus()
    keys.type("One é?")
    expect(talk.field).to_have_value("One é?")
    copied.focus()
    keys.press("Control+a")  # a shortcut of the browser
    keys.press("ArrowDown")
    expect(copied).to_be_focused()
    page.locator("#chat-messages").focus()
    keys.press("!")
    expect(talk.field).to_have_value("One é?!")
    page.locator("#chat-search").focus()
    keys.type("moo")
    expect(page.locator("#chat-search")).to_have_value("moo")
    expect(talk.field).to_have_value("One é?!")


def test_keys_of_buttons_panels_and_other_tabs_are_left_alone(talk: Talk, visitor: Visitor) -> None:
    page, keys = talk.page, talk.page.keyboard
    page.locator("#chat-begin").focus()
    keys.press(" ")
    expect(page.locator("#chat-begin-text")).to_be_focused()
    keys.type("Sure")
    expect(page.locator("#chat-begin-text")).to_have_value("Sure")
    keys.press("Escape")
    page.locator("#chat-mode").focus()
    keys.press("Enter")
    expect(page.locator(".chat-panel")).to_be_visible()
    keys.type("x")
    expect(page.locator(".chat-panel")).to_be_visible()
    expect(page.locator("#chat-mode")).to_be_focused()
    keys.press("Escape")
    visitor.choose_tab("Session")
    keys.type("xyz")
    visitor.choose_tab("Chat")
    expect(talk.field).to_have_value("")


def test_menus_and_panels_by_keyboard(talk: Talk) -> None:
    page, keys = talk.page, talk.page.keyboard
    talk.ask(SKY)
    talk.chats.first.focus()
    keys.press("Tab")
    keys.press("Enter")
    keys.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    keys.press("Enter")
    keys.type("Blue things")
    keys.press("Enter")
    expect(page.locator("#chat-title")).to_have_text("Blue things")
    talk.start_anew()
    talk.chats.first.focus()
    keys.press(" ")
    expect(page.locator("#chat-title")).to_have_text("Blue things")
    page.locator("#chat-more").focus()
    keys.press("Enter")
    keys.press("ArrowUp")
    expect(page.get_by_role("menuitem", name="Keyboard")).to_be_focused()
    keys.press("ArrowDown")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    keys.press("Escape")
    expect(page.locator("#chat-more")).to_be_focused()
    page.locator("#chat-mode").focus()
    keys.press("Enter")
    for _ in range(2):
        keys.press("Tab")
    expect(page.locator(".chat-panel [data-value=chat]")).to_be_focused()
    keys.press("Enter")
    expect(page.locator("#chat-mode")).to_contain_text("Chat")
    expect(page.locator("#chat-mode")).to_be_focused()
    page.locator("#chat-tools").focus()
    keys.press("Enter")
    keys.press("ArrowDown")
    keys.press(" ")
    expect(page.locator(".chat-panel [data-value=get_weather]")).to_be_visible()
    expect(page.locator(".chat-panel [data-value=tools]")).to_be_focused()


def test_stop_keeps_what_is_there(talk: Talk, ui: Server) -> None:
    talk.send("Count slowly")
    expect(talk.text).to_contain_text("word3")
    talk.page.locator("#chat-send").click()
    talk.wait()
    expect(talk.text).to_contain_text("word3")
    expect(talk.last.locator(".message-note")).to_have_text("Stopped.")
    eventually(lambda: (ui.user_data / "extensions" / "slowly" / "ended.txt").exists())
    talk.page.keyboard.press("Alt+Enter")
    expect(talk.text).to_contain_text(re.compile(r"word3 .*word0", re.DOTALL))
    talk.page.keyboard.press("Escape")
    talk.wait()
    expect(talk.replies).to_have_count(1)


def test_closing_the_page_ends_the_reply(talk: Talk, ui: Server, visitor: Visitor) -> None:
    visitor.faults.allow(BROKEN_OFF)
    ended = ui.user_data / "extensions" / "slowly" / "ended.txt"
    talk.send("Count slowly for a page that goes")
    expect(talk.text).to_contain_text("word3")
    assert not ended.exists()
    talk.page.goto("about:blank")
    eventually(ended.exists)
    talk.page.goto(ui.ui_url)
    talk.chats.filter(has_text="a page that goes").click()
    expect(talk.text).to_contain_text("word3")


def test_regenerate_and_swipe(talk: Talk) -> None:
    talk.ask(SKY)
    talk.do(talk.last, "Regenerate")
    expect(talk.versions).to_have_text("2/2")
    talk.wait()
    talk.do(talk.last, "Earlier version")
    expect(talk.versions).to_have_text("1/2")
    talk.page.keyboard.press("ArrowRight")
    expect(talk.versions).to_have_text("2/2")
    talk.field.fill("typing")
    talk.field.press("ArrowLeft")
    expect(talk.versions).to_have_text("2/2")
    talk.field.fill("")
    talk.page.keyboard.press("Control+Enter")
    expect(talk.versions).to_have_text("3/3")
    talk.wait()
    expect(talk.text).to_have_text(BLUE)


def test_edit_a_question_and_ask_again(talk: Talk) -> None:
    talk.ask(SKY)
    talk.do(talk.questions.first, "Edit")
    talk.page.locator(".editor").fill("What is the capital of Japan?")
    talk.page.get_by_role("button", name="Save and regenerate").click()
    expect(talk.text).to_contain_text("Tokyo")
    talk.wait()
    expect(talk.versions).to_have_text("2/2")
    expect(talk.questions).to_have_count(1)
    expect(talk.questions.locator(".plain")).to_have_text("What is the capital of Japan?")


def test_what_is_edited_can_be_seen(ui: Server, visit: Callable[..., Visitor]) -> None:
    talk = Talk(visit(ui, viewport={"width": 390, "height": 560}, has_touch=True).open())
    talk.ask("What does a cow say?")
    talk.ask(SKY)
    talk.questions.last.tap()
    talk.questions.last.get_by_role("button", name="Edit").tap()
    editor = talk.page.locator("textarea.editor")
    expect(editor).to_be_focused()
    expect(editor).to_be_in_viewport(ratio=1)
    editor.fill("one\n" * 4)
    expect(editor).to_be_in_viewport(ratio=1)


def test_edit_in_the_middle_leaves_the_old_chat_as_it_was(talk: Talk) -> None:
    talk.start_anew()
    talk.ask(SKY)
    talk.ask("What does a cow say?")
    count = talk.chats.count()
    talk.do(talk.questions.first, "Edit")
    talk.page.locator(".editor").fill("What is the capital of Japan?")
    talk.page.get_by_role("button", name="Save and regenerate").click()
    expect(talk.text).to_contain_text("Tokyo")
    expect(talk.messages).to_have_count(2)
    expect(talk.chats).to_have_count(count + 1)
    talk.chats.nth(1).click()
    expect(talk.messages).to_have_count(4)


def test_edit_a_reply_and_continue(talk: Talk) -> None:
    talk.ask(SKY)
    talk.do(talk.last, "Edit")
    talk.page.locator(".editor").fill("The sky is")
    talk.page.get_by_role("button", name="Save", exact=True).click()
    expect(talk.text).to_have_text("The sky is")
    talk.do(talk.last, "Continue")
    expect(talk.text).to_have_text(re.compile("The sky is .+"))
    talk.wait()
    expect(talk.versions).to_have_text("2/2")


def test_an_edit_keeps_what_is_typed_while_something_else_changes(talk: Talk) -> None:
    talk.ask(SKY)
    talk.do(talk.questions.first, "Edit")
    editor = talk.page.locator("textarea.editor")
    editor.fill("What color is snow?")
    talk.send("Tell me a joke")
    expect(talk.questions).to_have_count(2)
    talk.wait()
    expect(editor).to_have_value("What color is snow?")
    talk.page.get_by_role("button", name="Save", exact=True).click()
    expect(talk.questions.first).to_contain_text("What color is snow?")


def test_escape_leaves_an_edit_alone(talk: Talk) -> None:
    talk.ask(SKY)
    talk.do(talk.questions.first, "Edit")
    talk.page.locator(".editor").fill("something else")
    talk.page.keyboard.press("Escape")
    expect(talk.questions.locator(".plain")).to_have_text(SKY)


def test_branch_and_delete(talk: Talk) -> None:
    talk.ask(SKY)
    talk.ask("What does a cow say?")
    branches = talk.chats.filter(has_text="(branch)")
    count = branches.count()
    talk.replies.first.hover()
    talk.replies.first.get_by_role("button", name="Branch: a new chat from here").dblclick()
    expect(talk.messages).to_have_count(2)
    expect(talk.page.locator("#chat-title")).to_have_text(f"{SKY} (branch)")
    talk.ask("Tell me a joke")
    expect(branches).to_have_count(count + 1)
    talk.page.keyboard.press("Control+Shift+Backspace")
    talk.field.fill("")
    talk.do(talk.replies.first, "Delete this message")
    expect(talk.messages).to_have_count(1)
    talk.page.keyboard.press("Control+Shift+Backspace")
    expect(talk.messages).to_have_count(0)
    expect(talk.field).to_have_value(SKY)


def test_a_double_click_and_a_key_that_is_held_delete_one_thing(talk: Talk) -> None:
    for number, text in enumerate(("one", "two", "three", "four")):
        talk.field.fill(text)
        talk.choose_in_menu("Send without a reply")
        expect(talk.questions).to_have_count(number + 1)
    talk.questions.first.hover()
    talk.questions.first.get_by_role("button", name="Delete this message").dblclick()
    expect(talk.questions.locator(".plain")).to_have_text(["two", "three", "four"])
    keys = talk.page.keyboard
    keys.down("Control")
    keys.down("Shift")
    for _ in range(3):
        keys.down("Backspace")
    for key in ("Backspace", "Shift", "Control"):
        keys.up(key)
    expect(talk.field).to_have_value("four")
    talk.ask(SKY)
    expect(talk.questions.locator(".plain")).to_have_text(["two", "three", SKY])


def test_start_reply_with(talk: Talk) -> None:
    talk.page.locator("#chat-begin").click()
    talk.page.locator("#chat-begin-text").fill("The color is")
    talk.page.keyboard.press("Tab")
    talk.page.locator(".talk-title").click()
    expect(talk.page.locator("#chat-begin.on")).to_be_visible()
    talk.ask(SKY)
    expect(talk.text).to_have_text(re.compile("^The color is"))


def test_say_something_without_a_reply(talk: Talk) -> None:
    talk.field.fill("Just so you know")
    talk.choose_in_menu("Send without a reply")
    expect(talk.messages).to_have_count(1)
    expect(talk.replies).to_have_count(0)
    talk.wait()
    talk.choose_in_menu("Regenerate")
    expect(talk.replies).to_have_count(1)
    talk.wait()


def test_impersonate_writes_into_the_field(talk: Talk) -> None:
    talk.ask("Hello")
    talk.page.keyboard.press("Control+Shift+M")
    expect(talk.field).not_to_have_value("")
    talk.wait()
    expect(talk.messages).to_have_count(2)


def test_copy(talk: Talk, visitor: Visitor) -> None:
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    talk.ask(SKY)
    talk.page.keyboard.press("Control+Shift+K")
    read = "navigator.clipboard.readText()"
    eventually(lambda: talk.page.evaluate(read) == BLUE)
    talk.do(talk.questions.first, "Copy")
    eventually(lambda: talk.page.evaluate(read) == SKY)


def test_rename_search_delete(talk: Talk) -> None:
    talk.ask(SKY)
    talk.choose_for_chat(talk.chats.first, "Rename")
    field = talk.page.locator(".side-rename")
    field.fill("A chat of the heavens")
    field.press("Enter")
    expect(talk.page.locator("#chat-title")).to_have_text("A chat of the heavens")
    talk.start_anew()
    talk.page.locator("#chat-search").fill("heavens")
    expect(talk.chats).to_have_count(1)
    talk.page.locator("#chat-search").fill("sky is BLUE")
    expect(talk.chats.filter(has_text="A chat of the heavens")).to_contain_text("sky is blue")
    talk.page.locator("#chat-search").fill("nothing has this")
    expect(talk.page.locator(".side-none")).to_have_text("Nothing found.")
    talk.page.locator("#chat-search").fill("")
    chat = talk.chats.filter(has_text="A chat of the heavens")
    talk.choose_for_chat(chat, "Delete")
    talk.page.locator("#chat-list").get_by_role("button", name="Keep", exact=True).click()
    expect(chat).to_have_count(1)
    talk.choose_for_chat(chat, "Delete")
    talk.page.locator("#chat-list").get_by_role("button", name="Delete", exact=True).click()
    expect(chat).to_have_count(0)


def test_a_chat_is_listed_while_its_first_reply_comes_and_can_be_deleted_then(talk: Talk) -> None:
    talk.send("Count slowly once more")
    talk.wait_for_writing()
    expect(talk.chats.first).to_contain_text("Count slowly once more")
    expect(talk.chats.first).to_have_attribute("aria-current", "true")
    expect(talk.page.locator("#chat-send[aria-label=Stop]")).to_be_visible()
    talk.choose_for_chat(talk.chats.first, "Delete")
    talk.page.keyboard.press("Enter")
    expect(talk.messages).to_have_count(0)
    talk.wait()
    expect(talk.chats.filter(has_text="Count slowly once more")).to_have_count(0)


def test_a_chat_that_is_deleted_is_seen_to_go_at_once(talk: Talk) -> None:
    talk.ask(SKY)
    chat = talk.chats.first
    chat_id = chat.get_attribute("data-id")
    talk.choose_for_chat(chat, "Delete")
    talk.page.route("**/gradio_api/queue/join*", lambda _: None)
    talk.page.keyboard.press("Enter")
    expect(chat).to_have_attribute("aria-busy", "true")
    expect(chat).to_contain_text(SKY)
    talk.page.unroute("**/gradio_api/queue/join*")  # goes on with what is held
    expect(talk.page.locator(f"[data-id='{chat_id}']")).to_have_count(0)


def test_a_word_of_a_title_is_selected_by_a_double_click(talk: Talk) -> None:
    talk.ask(SKY)
    talk.chats.first.dblclick()
    field = talk.page.locator(".side-rename")
    field.fill("Blue things")
    field.dblclick(position={"x": 20, "y": 12})
    expect(field).to_have_value("Blue things")
    field.press("Enter")
    expect(talk.chats.first).to_contain_text("Blue things")


def test_the_question_about_a_chat_goes_when_something_else_is_chosen(talk: Talk) -> None:
    for question in ("Tell me a joke", SKY):
        talk.start_anew()
        talk.ask(question)
    question = talk.page.get_by_text("Delete chat?")
    count = talk.chats.count()
    talk.choose_for_chat(talk.chats.first, "Delete")
    question.click()
    expect(question).to_be_visible()
    talk.chats.nth(1).click()
    expect(question).to_have_count(0)
    expect(talk.page.locator("#chat-title")).to_have_text("Tell me a joke")
    talk.choose_for_chat(talk.chats.first, "Delete")
    talk.field.click()
    expect(question).to_have_count(0)
    expect(talk.chats).to_have_count(count)


def test_export_and_import(talk: Talk, tmp_path: Path) -> None:
    talk.ask("What is the capital of Japan?")
    with talk.page.expect_download() as download:
        talk.choose_in_menu("Export this chat")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "What is the capital of Japan.json"
    assert "Tokyo" in path.read_text(encoding="utf-8")
    talk.start_anew()
    count = talk.chats.count()
    talk.page.set_input_files("#chat-import-file", path)
    expect(talk.messages).to_have_count(2)
    expect(talk.chats).to_have_count(count + 1)
    broken = tmp_path / "broken.json"
    broken.write_text("{no json")
    talk.page.set_input_files("#chat-import-file", broken)
    expect(talk.page.locator(".toast-body")).to_contain_text("not valid JSON")
    expect(talk.chats).to_have_count(count + 1)


def test_all_chats_are_exported_by_one_button(talk: Talk, tmp_path: Path) -> None:
    talk.ask("What is the capital of Japan?")
    with talk.page.expect_download() as download:
        talk.page.locator("#chat-export-all").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert re.fullmatch(r"hearth-chats-[\d-]{10}\.json", path.name)
    chats = json.loads(path.read_text(encoding="utf-8"))["chats"]
    count = talk.chats.count()
    assert len(chats) == count
    assert any(chat["title"] == "What is the capital of Japan?" for chat in chats)
    talk.page.set_input_files("#chat-import-file", path)
    expect(talk.chats).to_have_count(2 * count)


def test_private_chats_leave_nothing(talk: Talk, ui: Server, visitor: Visitor) -> None:
    visitor.faults.allow(BROKEN_OFF)
    files = ui.user_data / "logs" / "chats"
    before = sorted(files.glob("*.json"))
    talk.page.locator("#chat-private").click()
    expect(talk.page.locator("#chat-private")).to_have_attribute("aria-checked", "true")
    talk.ask("What does a cow say?")
    expect(talk.page.locator(".talk-private")).to_be_visible()
    assert sorted(files.glob("*.json")) == before
    talk.start_anew()
    talk.chats.first.click()
    expect(talk.messages).to_have_count(2)
    talk.page.reload()
    expect(talk.page.locator("#chat-list")).not_to_contain_text("Private, until")
    assert "cow" not in ui.logged


def test_markdown_code_tables_and_formulas_while_they_come(talk: Talk) -> None:
    talk.ask("Answer at length")
    expect(talk.text.locator("h1")).to_have_count(8)
    expect(talk.text.locator("table")).to_have_count(8)
    expect(talk.text.locator(".katex")).to_have_count(8)
    expect(talk.text.locator(".code .nb").first).to_have_text("print")
    expect(talk.text.locator("img")).to_have_count(0)
    expect(talk.text.locator("a.picture-link").first).to_have_text("a picture")
    assert talk.page.evaluate("window.broken") is None
    talk.text.locator(".code button").first.click()
    expect(talk.text.locator(".code button").first).to_have_text("Copied")


def test_only_the_messages_scroll_and_the_reader_is_left_alone(talk: Talk) -> None:
    talk.ask("Answer at length")
    scroller = talk.page.locator("#chat-messages")
    at_end = "e => e.scrollHeight - e.scrollTop - e.clientHeight < 60"
    eventually(lambda: scroller.evaluate(at_end))
    assert talk.page.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")
    scroller.hover()
    talk.page.mouse.wheel(0, -600)
    eventually(lambda: not scroller.evaluate(at_end))
    talk.page.locator(".talk-down").click()
    eventually(lambda: scroller.evaluate(at_end))
    talk.send("Count slowly")
    expect(talk.text).to_contain_text("word3")
    assert scroller.evaluate(at_end)
    scroller.hover()
    talk.page.mouse.wheel(0, -900)
    eventually(lambda: not scroller.evaluate(at_end))
    place = scroller.evaluate("e => e.scrollTop")
    expect(talk.text).to_contain_text("word20")
    assert scroller.evaluate("e => e.scrollTop") == place
    talk.page.locator(".talk-down").click()
    eventually(lambda: scroller.evaluate(at_end))
    scroller.evaluate("e => { e.scrollTop -= 700 }")  # as the bar at its side does
    eventually(lambda: talk.page.locator(".talk-down.shown").count())
    place = scroller.evaluate("e => e.scrollTop")
    expect(talk.text).to_contain_text("word40")
    assert scroller.evaluate("e => e.scrollTop") == place
    talk.page.keyboard.press("Escape")
    talk.wait()


def test_thinking_is_a_block_of_its_own(talk: Talk) -> None:
    talk.page.locator("#chat-think").click()
    expect(talk.page.locator("#chat-think.on")).to_be_visible()
    talk.ask(SKY)
    block = talk.last.locator(".think")
    expect(block.locator("summary")).to_contain_text("Thought")
    expect(block.locator(".think-text")).to_be_hidden()
    block.locator("summary").click()
    expect(block.locator(".think-text")).not_to_be_empty()
    expect(talk.text).to_have_text(BLUE)


def turn_tools_on(talk: Talk) -> None:
    talk.page.locator("#chat-tools").click()
    talk.page.locator(".chat-panel [data-value=tools]").click()
    expect(talk.page.locator(".chat-panel [data-value=get_weather]")).to_be_visible()
    talk.page.keyboard.press("Escape")
    expect(talk.page.locator("#chat-tools.on")).to_be_visible()


def test_a_tool_is_called_when_it_is_allowed(talk: Talk) -> None:
    turn_tools_on(talk)
    talk.send("What is the weather in Paris?")
    call = talk.last.locator(".call")
    expect(talk.page.locator(".ask")).to_contain_text("get_weather")
    expect(call.locator(".call-arguments")).to_contain_text('"city": "Paris"')
    expect(talk.page.locator("#chat-meter")).to_have_attribute("title", USED)
    talk.page.locator(".ask-allow").click()
    talk.wait()
    expect(call).to_have_attribute("data-state", "done")
    expect(talk.text).to_contain_text("17")
    call.locator("summary").click()
    expect(call.locator(".call-result")).to_contain_text("cloudy")
    talk.start_anew()
    talk.chats.first.click()
    expect(talk.messages).to_have_count(2)
    expect(talk.page.locator("#chat-meter")).to_have_attribute("title", USED)
    talk.start_anew()
    talk.send("What is the weather in London?")
    expect(talk.page.locator(".ask")).to_be_visible()
    talk.page.keyboard.press("d")
    talk.wait()
    expect(talk.last.locator(".call")).to_have_attribute("data-state", "declined")


def test_a_tool_that_is_always_allowed_is_asked_for_no_more(talk: Talk) -> None:
    turn_tools_on(talk)
    talk.send("What is the weather in Paris?")
    talk.page.locator(".ask-always").click()
    talk.wait()
    talk.do(talk.last, "Regenerate")
    expect(talk.versions).to_have_text("2/2")
    talk.wait()
    expect(talk.last.locator(".call")).to_have_attribute("data-state", "done")
    talk.page.locator("#chat-tools").click()
    expect(talk.page.locator(".chat-panel .always")).to_contain_text("get_weather")


def test_stop_while_a_call_waits(talk: Talk) -> None:
    turn_tools_on(talk)
    talk.send("What is the weather in Paris?")
    expect(talk.page.locator(".ask")).to_be_visible()
    talk.page.keyboard.press("Escape")
    talk.wait()
    expect(talk.page.locator(".ask")).to_have_count(0)
    expect(talk.last.locator(".call-state")).to_have_text("was not run")


def test_a_character_greets_with_its_picture(talk: Talk) -> None:
    talk.page.locator("#chat-mode").click()
    talk.page.locator(".chat-panel [data-value=Example]").click()
    expect(talk.replies).to_have_count(1)
    expect(talk.last.locator(".message-name")).to_have_text("Ember")
    image = talk.last.locator("img.face")
    eventually(lambda: image.evaluate("e => e.complete && e.naturalWidth > 0"))
    talk.page.locator("#chat-mode").click()
    talk.page.locator(".chat-panel [data-value=chat-instruct]").click()
    expect(talk.page.locator("#chat-mode")).to_contain_text("Chat-instruct")
    talk.ask("Hello")
    expect(talk.questions.locator(".message-name")).to_have_text("You")


def test_a_character_is_called_by_its_name_whatever_its_file_is_called(
    talk: Talk, ui: Server
) -> None:
    (ui.user_data / "characters" / "pirate.yaml").write_text("name: Zora\ncontext: A pirate.")
    talk.page.reload()
    talk.page.locator("#chat-mode").click()
    talk.page.locator(".chat-panel .person[data-value=pirate]").click()
    expect(talk.page.locator(".start h2")).to_have_text("Talk to Zora")
    expect(talk.field).to_have_attribute("placeholder", "Write to Zora")


def test_text_files_are_read(talk: Talk, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("The meeting is on Friday.")
    talk.page.set_input_files("#chat-file", file)
    expect(talk.page.locator("#chat-files .file:not(.loading)")).to_contain_text("notes.txt")
    talk.ask(SKY)
    expect(talk.questions.locator(".file")).to_contain_text("notes.txt")


def paste_picture(page: Page, **also: str) -> bool:
    """Into the field, with other forms of the same by MIME type; whether the page took the picture, instead of the text."""
    return page.evaluate(
        """(also) => {
          const data = new DataTransfer();
          data.items.add(new File(["x"], "image.png", { type: "image/png" }));
          for (const [type, text] of Object.entries(also)) data.setData(type, text);
          const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
          return !document.querySelector("#chat-input").dispatchEvent(event);
        }""",
        also,
    )


def test_cells_of_a_sheet_are_pasted_as_text_and_pictures_as_pictures(talk: Talk) -> None:
    expect(talk.page.locator(".start h2")).to_be_visible()
    assert not paste_picture(talk.page, **{"text/plain": "1\t2", "text/html": "<table>1 2</table>"})
    expect(talk.page.locator("#chat-files .file")).to_have_count(0)
    assert paste_picture(talk.page, **{"text/html": "<img src='x'>"})
    assert paste_picture(talk.page, **{"text/plain": "image.png"})  # a file, and its name
    expect(talk.page.locator("#chat-files .file")).to_have_count(2)


def drag(page: Page, place: Locator, path: Path, *, drops: bool = True) -> None:
    """A file or folder of the machine to the middle of a place, as the mouse of a person does."""
    box = place.bounding_box()
    assert box is not None
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop")[: 3 if drops else 2]:
        session.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})
    session.detach()


def test_files_are_dropped_into_the_chat_and_nowhere_else(
    talk: Talk, visitor: Visitor, tmp_path: Path
) -> None:
    page = talk.page
    chat, files = page.locator("#chat-messages"), page.locator("#chat-files .file")
    note = tmp_path / "notes.txt"
    note.write_text("The meeting is on Friday.")
    expect(page.locator(".start h2")).to_be_visible()
    drag(page, chat, note)
    expect(page.locator("#chat-files .file:not(.loading)")).to_have_text("notes.txt")
    drag(page, chat, tmp_path)
    expect(files.nth(1)).to_contain_text("is a folder")
    drag(page, chat, note, drops=False)
    expect(page.locator(".composer-drop")).to_be_visible()
    for beside in (page.locator("#chat-list"), page.locator("#tabs").get_by_role("tablist")):
        drag(page, beside, note)
    expect(page.locator(".composer-drop")).to_be_hidden()
    expect(files).to_have_count(2)
    assert visitor.context.pages == [page]
    assert page.url.startswith(visitor.url)
    talk.ask(SKY)
    expect(talk.questions.locator(".file")).to_have_text("notes.txt")


def test_what_cannot_be_used_is_told_and_nothing_is_lost(talk: Talk, tmp_path: Path) -> None:
    file = tmp_path / "program.bin"
    file.write_bytes(bytes(range(256)) * 10)
    talk.page.set_input_files("#chat-file", file)
    expect(talk.page.locator("#chat-files .file:not(.loading)")).to_have_count(1)
    talk.send("Read this")
    expect(talk.note).to_contain_text("program.bin")
    expect(talk.field).to_have_value("Read this")
    expect(talk.page.locator("#chat-files .file")).to_have_count(1)
    expect(talk.messages).to_have_count(0)
    talk.page.locator("#chat-files button").click()
    expect(talk.page.locator("#chat-files .file")).to_have_count(0)
    talk.ask(SKY)
    expect(talk.text).to_have_text(BLUE)
    expect(talk.note).to_have_count(0)


def test_a_question_that_is_too_long(talk: Talk) -> None:
    text = "word " * 4000
    talk.send(text)
    expect(talk.note).to_contain_text("maximum context length")
    expect(talk.field).to_have_value(text)
    expect(talk.messages).to_have_count(0)


def test_earlier_messages_that_are_left_out_are_told(talk: Talk) -> None:
    talk.ask("word " * 600)
    talk.ask("word " * 600)
    expect(talk.last.locator(".message-note")).to_contain_text("left out")


def test_extensions_change_what_is_sent_and_have_their_place(talk: Talk) -> None:
    talk.ask("What color is the REPLACED?")
    expect(talk.questions.locator(".plain")).to_have_text("What color is the REPLACED?")
    expect(talk.text).to_have_text(BLUE)
    talk.page.locator("#chat-extensions").get_by_text("Extensions").click()
    expect(talk.page.get_by_label("A field of an extension")).to_be_visible()


def test_without_a_model_there_is_a_way_to_one(talk: Talk, ui: Server) -> None:
    talk.page.locator("#header-unload").click()
    expect(talk.page.locator(".start h2")).to_have_text("No model is loaded")
    talk.send("Hello")
    expect(talk.note).to_contain_text("No model is loaded. Choose one")
    expect(talk.field).to_have_value("Hello")
    talk.page.locator("#chat-to-models").click()
    expect(talk.page.locator("#tab-model")).to_be_visible()
    with ui.client() as client:
        client.post("/v1/internal/model/load", json={"model_name": "tiny-chat-Q8_0.gguf"})


def test_what_is_clicked_and_sent_before_the_page_is_ready_is_not_lost(
    ui: Server, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(ui)
    page, held, is_clicked = visitor.page, list[Route](), False

    def hold(route: Route) -> None:
        if is_clicked:
            route.continue_()
        else:
            held.append(route)

    page.route(re.compile(r"/gradio_api/(queue/join|run/)"), hold)
    page.goto(ui.ui_url)
    eventually(lambda: page.wait_for_timeout(50) or held)
    page.locator("#chat-mode").dispatch_event("click")
    talk = Talk(page)
    talk.send(SKY)
    is_clicked = True
    for route in held:
        route.continue_()
    expect(page.locator(".chat-panel")).to_contain_text("How to talk")
    expect(talk.questions).to_contain_text(SKY)
    talk.wait()


def test_the_first_chat_of_a_page_that_is_shown_late_does_not_hide_the_answer(
    ui: Server, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(ui)
    page, held, is_sent = visitor.page, list[Callable[[], None]](), False

    def hold(route: Route) -> None:
        answer = route.fetch()
        if is_sent or "How can I help?" not in answer.text():
            route.fulfill(response=answer)
        else:
            held.append(lambda: route.fulfill(response=answer))

    page.route("**/gradio_api/run/*", hold)
    page.goto(ui.ui_url)
    eventually(lambda: page.wait_for_timeout(50) or held)
    talk = Talk(page)
    talk.send(SKY)
    page.wait_for_timeout(1500)  # for an answer that would come before
    is_sent = True
    for show in held:
        show()
    expect(talk.text).to_have_text(BLUE)
    expect(talk.questions).to_have_count(1)


def test_two_pages_at_once(ui: Server, visit: Callable[..., Visitor]) -> None:
    first, second = Talk(visit(ui).open()), Talk(visit(ui).open())
    first.send("Count slowly")
    second.ask(SKY)
    expect(second.text).to_have_text(BLUE)
    expect(first.text).to_contain_text("word3")
    first.page.keyboard.press("Escape")
    first.wait()


def come_back_to(page: Page) -> None:
    """In a headless browser all pages have the focus all the time."""
    page.evaluate("dispatchEvent(new Event('focus'))")


def test_a_page_that_somebody_comes_back_to_shows_what_another_has_done(
    talk: Talk, visitor: Visitor
) -> None:
    other = Talk(visitor.context.new_page())
    other.page.goto(visitor.url)
    talk.ask(SKY)
    expect(other.field).to_be_visible()
    come_back_to(other.page)
    expect(other.chats.first).to_contain_text(SKY)
    other.chats.first.click()
    other.ask("Tell me a joke")
    other.choose_for_chat(other.chats.first, "Rename")
    other.page.locator(".side-rename").fill("Blue things")
    other.page.keyboard.press("Enter")
    expect(other.page.locator("#chat-title")).to_have_text("Blue things")
    expect(talk.messages).to_have_count(2)
    come_back_to(talk.page)
    expect(talk.messages).to_have_count(4)
    expect(talk.chats.first).to_contain_text("Blue things")
    expect(talk.page.locator("#chat-title")).to_have_text("Blue things")
    talk.ask("What does a cow say?")
    expect(talk.messages).to_have_count(6)
    expect(talk.note).to_have_count(0)


def test_coming_back_to_a_page_disturbs_nothing(talk: Talk, visitor: Visitor) -> None:
    scroller = talk.page.locator("#chat-messages")
    talk.ask("Tell me a joke")
    talk.start_anew()
    talk.ask("Answer at length")
    other = Talk(visitor.context.new_page())
    other.page.goto(visitor.url)
    other.chats.first.click()
    expect(other.messages).to_have_count(2)
    other.ask(SKY)
    count = other.chats.count()
    talk.page.locator("#chat-search").fill("at length")
    eventually(lambda: talk.page.wait_for_timeout(50) or talk.chats.count() < count)
    talk.do(talk.questions.first, "Edit")
    editor = talk.page.locator("textarea.editor")
    editor.fill("Answer briefly")
    other.choose_for_chat(other.chats.first, "Rename")
    other.page.locator(".side-rename").fill("Said at length")
    other.page.keyboard.press("Enter")
    expect(other.page.locator("#chat-title")).to_have_text("Said at length")
    come_back_to(talk.page)
    expect(talk.chats.filter(has_text="Said at length")).to_have_count(1)
    assert talk.chats.count() < count
    expect(talk.page.locator("#chat-search")).to_have_value("at length")
    expect(talk.messages).to_have_count(2)
    expect(editor).to_have_value("Answer briefly")
    editor.press("Escape")
    scroller.hover()
    talk.page.mouse.wheel(0, -600)
    eventually(lambda: talk.page.locator(".talk-down.shown").count())
    place = scroller.evaluate("e => e.scrollTop")
    come_back_to(talk.page)
    expect(talk.messages).to_have_count(4)
    assert scroller.evaluate("e => e.scrollTop") == place
    talk.page.locator("#chat-search").fill("")
    talk.send("Count slowly")
    expect(talk.text).to_contain_text("word1")
    come_back_to(talk.page)
    expect(talk.text).to_contain_text("word9")
    talk.page.keyboard.press("Escape")
    talk.wait()
    expect(talk.messages).to_have_count(6)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(ui: Server, visit: Callable[..., Visitor], scheme: str) -> None:
    talk = Talk(visit(ui, viewport=PHONE, color_scheme=scheme, has_touch=True).open())
    expect(talk.page.locator("#chat-new")).not_to_be_in_viewport()
    talk.ask("Answer at length")
    assert overflow_px(talk.page) <= 0
    talk.page.locator("#chat-toggle-side").click()
    expect(talk.page.locator("#chat-new")).to_be_in_viewport()
    talk.page.locator("#chat-new").click()
    expect(talk.messages).to_have_count(0)
    expect(talk.page.locator("#chat-new")).not_to_be_in_viewport()
    expect(talk.field).to_be_in_viewport()
    assert overflow_px(talk.page) <= 0
