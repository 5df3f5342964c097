"""What can be imported, and that nothing else does harm."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings as limits, strategies as st

from modules.chats.conversation import ANSWERS
from modules.chats.disk_store import ChatStore
from modules.chats.exporting import export_chat, export_chats
from modules.chats.importing import Imported, import_chats, read_chats
from modules.chats.json_format import to_json
from modules.chats.memory_store import MemoryStore
from modules.chats.turns import Attachment, Step, ToolUse, Version
from modules.core.errors import RequestError
from modules.toolbox.approvals import Approvals
from modules.ui.chat.state import with_approvals
from tests.unit.chats.makers import chat, png, rich_chat

PICTURE = "data:image/png;base64," + base64.b64encode(png()).decode()


def read(value: Any, name: str = "") -> Imported:
    (found,) = read_chats(json.dumps(value).encode(), name)
    return found


def said(found: Imported) -> list[tuple[str, str]]:
    return [(turn.role, turn.version.text) for turn in found.conversation.turns]


def test_a_chat_goes_to_another_store_with_its_files(tmp_path: Path) -> None:
    here, there = ChatStore(tmp_path), MemoryStore()
    original = chat()
    file = here.add_file(original.id, png(), "image/png")
    pictures = (Attachment("cat.png", "image", file=file, media_type="image/png"),)
    saved = here.save(original.appended("user", Version.of("look", attachments=pictures)))
    (arrived,) = import_chats(there, export_chat(here, saved.id))
    assert arrived.id != saved.id
    assert arrived.turns == saved.turns
    assert there.read_file(arrived.id, file) == png()


def test_all_chats_in_one_file() -> None:
    here, there = MemoryStore(), MemoryStore()
    ids = [here.save(chat(text, "x")).id for text in ("one", "two")] + [here.save(rich_chat()).id]
    arrived = import_chats(there, export_chats(here, ids), "backup.json")
    assert [each.title for each in arrived] == ["one", "two", "What is 1 + 1?"]
    assert arrived[2].settings == rich_chat().settings


def test_more_than_can_be_imported_again_is_not_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    ids = [store.save(chat("x" * 600)).id for _ in range(3)]
    monkeypatch.setattr("modules.chats.exporting.MAX_FILE_BYTES", 2000)
    assert export_chats(store, ids[:1])
    with pytest.raises(RequestError, match="one by one"):
        export_chats(store, ids)


def test_a_file_does_not_answer_for_the_user() -> None:
    """Or a chat of somebody else would have tools run without asking."""
    told = with_approvals(rich_chat(), Approvals(for_good={"files__write": True}))
    assert Approvals.from_json((told.settings or {})[ANSWERS]).for_good
    found = read(to_json(told)).conversation
    assert found.settings == rich_chat().settings


def test_a_name_of_a_file_without_the_file_means_nothing() -> None:
    found = read(to_json(rich_chat("0" * 32 + ".png")))
    assert found.conversation.file_names == frozenset()


def test_histories_of_the_old_web_ui() -> None:
    history = {
        "internal": [["<|BEGIN-VISIBLE-CHAT|>", "Welcome"], ["Hi <b>", "<think>hm</think>\n\nHello"]],
        "visible": [["", "Welcome"], ["Hi &lt;b&gt;", "Hello"]],
        "metadata": {
            "user_1": {"attachments": [{"name": "a.txt", "type": "text/plain", "content": "abc"},
                                       {"name": "b.png", "type": "image/png", "image_data": PICTURE}]},
            "assistant_1": {
                "model_name": "old-model",
                "versions": [{"content": "Hey", "visible_content": "Hey"},
                             {"content": "<think>hm</think>\n\nHello"}],
                "current_version_index": 1,
            },
        },
    }  # fmt: skip
    found = read(history, "Some chat.json")
    assert said(found) == [("assistant", "Welcome"), ("user", "Hi <b>"), ("assistant", "Hello")]
    assert found.conversation.title == "Hi <b>"
    last = found.conversation.turns[2]
    assert [version.text for version in last.versions] == ["Hey", "Hello"]
    assert last.version.steps == (Step("Hello", "hm"),)
    assert last.version.model == "old-model"
    files = found.conversation.turns[1].version.attachments
    assert [(each.name, each.kind, each.text) for each in files] == [
        ("a.txt", "text", "abc"),
        ("b.png", "image", ""),
    ]
    assert set(found.files.contents) == {files[1].file}


def test_the_first_form_of_old_histories() -> None:
    found = read({"data": [["Hi", "Hello"]], "data_visible": [["Hi", "Hello"]]})
    assert said(found) == [("user", "Hi"), ("assistant", "Hello")]


def test_a_greeting_alone_has_the_title_of_its_file() -> None:
    found = read({"internal": [["", "Welcome"]], "visible": []}, "Chiharu.json")
    assert found.conversation.title == "Chiharu"


def test_messages_of_openai_with_tools_and_pictures() -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"},
                                     {"type": "image_url", "image_url": {"url": PICTURE}}]},
        {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "a cat"},
        {"role": "assistant", "content": "A cat."},
        {"role": "assistant", "content": "Anything else?"},
    ]  # fmt: skip
    for value in (messages, {"messages": messages, "title": "Pets"}):
        found = read(value)
        assert said(found) == [
            ("system", "Be brief."),
            ("user", "What is this?"),
            ("assistant", "A cat."),
            ("assistant", "Anything else?"),
        ]
        assert found.conversation.turns[2].version.steps == (
            Step("", "hm", (ToolUse("1", "look", "{}", "a cat"),)),
            Step("A cat."),
        )
        assert len(found.files.contents) == 1
    assert found.conversation.title == "Pets"


def test_results_go_to_their_calls_in_order_where_ids_come_twice() -> None:
    def calling(text: str) -> dict[str, Any]:
        call = {"id": "1", "function": {"name": "look", "arguments": "{}"}}
        return {"role": "assistant", "content": text, "tool_calls": [call]}

    results = [{"role": "tool", "tool_call_id": "1", "content": each} for each in "ab"]
    messages = [{"role": "user", "content": "?"}, calling("x"), calling("y"), *results]
    [imported] = read_chats(json.dumps(messages).encode())
    [_, turn] = imported.conversation.turns
    assert [step.text for step in turn.version.steps] == ["x", "y"]
    assert [call.result for call in turn.version.calls] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({}, "no chat that can be imported"),
        ([], "no chat that can be imported"),
        ("text", "no chat that can be imported"),
        ([1], "must be an object"),
        ([{"role": "robot", "content": "x"}], "role must be"),
        ([{"role": "user", "content": 5}], "content must be text"),
        ([{"role": "tool", "tool_call_id": "1", "content": "x"}], "answers a call"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "is of type 'input_audio'"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "http://a/b"}]}], "inside the file"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,AAAA"}]}], "not a picture"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/webp;base64,UklGRgAAAABXQVZF"}]}], "not a picture"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,*"}]}], "malformed"),
        ({"internal": [["a"]]}, "Row 1"),
        ({"internal": "x"}, "must be a list"),
        ({"internal": []}, "no messages"),
        ({"format": "hearth-chats", "chats": []}, "1 to"),
        ({"format": "hearth-chat", "turns": [{"role": "user", "versions": []}]}, "no versions"),
        ({"format": "hearth-chat", "turns": [{"role": "x", "versions": [{}]}]}, "one of system"),
        ({"format": "hearth-chat", "settings": {"a": [[1]]}}, "plain values"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(value: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words.replace("[", r"\[")):
        read(value)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"[" * 1_000_000, b'{"a":' * 10_000, b"NaN", b"1e999999"]
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(RequestError):
        read_chats(data)


def test_a_picture_is_no_chat_and_that_is_said_in_plain_words() -> None:
    with pytest.raises(RequestError, match=r"^There is no chat in it"):
        read_chats(b"\x89PNG\r\n\x1a\n")


def test_nothing_is_saved_of_a_file_with_a_fault() -> None:
    store = MemoryStore()
    good, bad = to_json(chat("hello", "hi")), {"format": "hearth-chat", "turns": 5}
    data = json.dumps({"format": "hearth-chats", "chats": [good, bad]}).encode()
    with pytest.raises(RequestError):
        import_chats(store, data)
    assert store.list() == ()


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
names = st.sampled_from(
    [
        "format",
        "version",
        "id",
        "title",
        "mode",
        "turns",
        "role",
        "chosen",
        "versions",
        "steps",
        "text",
        "reasoning",
        "calls",
        "arguments",
        "result",
        "attachments",
        "kind",
        "file",
        "data",
        "tally",
        "seconds",
        "settings",
        "internal",
        "visible",
        "metadata",
        "user_0",
        "assistant_0",
        "content",
        "messages",
        "tool_calls",
        "function",
        "image_url",
        "url",
        "type",
        "tool_call_id",
        "created",
        "updated",
        "revision",
        "shown",
        "name",
    ]
)
words = st.sampled_from(
    [
        "hearth-chat",
        "hearth-chats",
        "user",
        "assistant",
        "tool",
        "text",
        "image",
        "image_url",
        PICTURE,
    ]
)
hostile = st.recursive(
    plain | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
    max_leaves=30,
)


@limits(max_examples=400, deadline=None)
@given(anything | hostile)
def test_no_json_does_anything_else_than_import_or_be_refused(value: Any) -> None:
    data = json.dumps(value).encode()
    store = MemoryStore()
    try:
        saved = import_chats(store, data, "x.json")
    except RequestError:
        assert store.list() == ()
        return
    for conversation in saved:
        assert store.load(conversation.id) == conversation


@limits(max_examples=400, deadline=None)
@given(st.data())
def test_a_chat_with_any_one_thing_replaced(data: st.DataObject) -> None:
    """One value anywhere in a good file is made wrong."""
    value: Any = to_json(rich_chat())
    place: Any = value
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            place[key] = data.draw(hostile)
            break
        place = inner
    try:
        (saved,) = import_chats(MemoryStore(), json.dumps(value).encode())
    except RequestError:
        return
    assert saved.revision == 1
