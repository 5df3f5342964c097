"""What the engine gets to read of a conversation."""

from dataclasses import replace

from hypothesis import given, strategies as st

from modules.chats.conversation import Conversation
from modules.chats.memory_store import MemoryStore
from modules.chats.messages import NO_RESULT, quoted, read_images, to_messages
from modules.chats.turns import Attachment, Step, ToolUse, Version
from modules.core.messages import Image, Message, ToolCall
from tests.unit.chats.makers import chat, png, rich_chat


def with_picture(text: str, *files: str) -> Conversation:
    pictures = tuple(Attachment(f"{file}!", "image", file=file) for file in files)
    return Conversation().appended("user", Version.of(text, attachments=pictures))


def test_the_chosen_versions_in_their_order() -> None:
    conversation = chat("one", "two", "three").edited(0, "first")
    assert to_messages(conversation) == (
        Message("user", "first"),
        Message("assistant", "two"),
        Message("user", "three"),
    )


def test_thinking_and_calls_with_their_results() -> None:
    steps = (
        Step("Let me see.", "hm", (ToolUse("1", "add", '{"a":1}', "2"), ToolUse("2", "now", "{}"))),
        Step("", "so"),
    )
    conversation = chat("sum?").appended("assistant", Version(steps))
    assert to_messages(conversation)[1:] == (
        Message(
            "assistant",
            "Let me see.",
            tool_calls=(ToolCall("1", "add", '{"a":1}'), ToolCall("2", "now", "{}")),
            reasoning_content="hm",
        ),
        Message("tool", "2", name="add", tool_call_id="1"),
        Message("tool", NO_RESULT, name="now", tool_call_id="2"),
        Message("assistant", None, reasoning_content="so"),
    )


def test_files_are_quoted_with_their_names_before_the_text() -> None:
    content = to_messages(rich_chat())[1].content
    assert content == (
        'File "notes.txt":\n````\nremember\n```\nthis\n```\n````\n\n'
        '[A picture, "cat.png", is not shown.]\n\n'
        'File "transcript of voice.wav" (cut):\n```\nhello there\n```\n\n'
        "What is 1 + 1?"
    )


def test_pictures_stand_where_they_were_attached() -> None:
    store = MemoryStore()
    file = store.add_file("chat", png(), "image/png")
    conversation = with_picture("what?", file)
    images = read_images(conversation, lambda name: store.read_file("chat", name))
    content = to_messages(conversation, images)[0].content
    assert content == (Image(4, 2, b"\xff\0\0" * 8), "what?")


def test_the_oldest_pictures_are_left_out_when_they_are_too_many() -> None:
    files = {color: png(color) for color in ("red", "green", "blue")}
    conversation = with_picture("old", "red").appended(
        "user", with_picture("new", "green", "blue").turns[0].version
    )
    images = read_images(conversation, files.__getitem__, max_pixels=16)
    assert set(images) == {"green", "blue"}
    old, new = to_messages(conversation, images)
    assert old.content == '[A picture, "red!", is not shown.]\n\nold'
    assert [type(part) for part in new.content or ()] == [Image, Image, str]


def test_a_damaged_picture_does_not_end_the_conversation() -> None:
    files = {"red": png(), "bad": b"\x89PNG\r\n\x1a\nnothing"}
    assert set(read_images(with_picture("x", "bad", "red"), files.__getitem__)) == {"red"}


def test_pictures_of_versions_that_do_not_count_are_not_read() -> None:
    conversation = with_picture("x", "red")
    turn = conversation.turns[0].with_version(Version.of("y"))
    assert read_images(replace(conversation, turns=(turn,)), {}.__getitem__) == {}


def test_files_for_models_elsewhere_stay_files() -> None:
    images = read_images(with_picture("x", "red"), {"red": png()}.__getitem__, keeps_files=True)
    assert (images["red"].file, images["red"].media_type) == (png(), "image/png")


@given(st.text(alphabet="`a\n", max_size=40))
def test_no_text_ends_its_own_quotation(text: str) -> None:
    fence = quoted("a", text).rpartition("\n")[2]
    assert set(fence) == {"`"}
    assert fence not in text
