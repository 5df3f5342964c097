"""After which messages a reply is written, and where it goes."""

import pytest

from modules.chats.conversation import Conversation
from modules.chats.turns import Step, ToolUse, Version
from modules.core.errors import RequestError
from modules.ui.chat.tasks import goes_on, to_continue, to_regenerate, to_send

CHAT = (
    Conversation()
    .appended("user", Version.of("Hello"))
    .appended("assistant", Version.of("Hi, how"))
)


def test_what_is_sent_is_answered_and_can_be_undone() -> None:
    task = to_send(CHAT, Version.of("And?"), "", ())
    assert task.at == 3
    assert task.asked.turns[-1].version.text == "And?"
    assert task.undone is CHAT
    assert task.placed(Version.of("So.")).turns[3].version.text == "So."


def test_regenerating_adds_a_version() -> None:
    task = to_regenerate(CHAT, "")
    assert task.at == 1
    assert len(task.asked.turns) == 1
    turn = task.placed(Version.of("Hey")).turns[1]
    assert (len(turn.versions), turn.chosen) == (2, 1)


def test_without_a_reply_the_question_is_answered() -> None:
    task = to_regenerate(CHAT.before_reply, "Sure")
    assert task.at == 1
    assert task.begun.text == "Sure"
    assert task.grows_last


def test_nothing_was_asked_yet() -> None:
    greeted = Conversation().appended("assistant", Version.of("Welcome"))
    with pytest.raises(RequestError):
        to_regenerate(greeted, "")


def test_continuing_takes_the_place_of_the_version() -> None:
    task = to_continue(CHAT)
    assert task.grows_last
    placed = task.placed(Version.of("Hi, how are you?"))
    assert len(placed.turns[1].versions) == 1
    assert placed.turns[1].version.text == "Hi, how are you?"


def test_continuing_needs_a_reply() -> None:
    with pytest.raises(RequestError):
        to_continue(CHAT.before_reply)


def test_a_reply_that_ended_in_its_thinking_begins_again() -> None:
    chat = CHAT.before_reply.appended("assistant", Version((Step("", "I wonder"),)))
    task = to_continue(chat)
    assert task.begun.steps == ()
    assert not task.grows_last


def test_after_calls_a_new_step_begins() -> None:
    assert not goes_on(Version((Step("x", "", (ToolUse("1", "a", "{}", "r"),)),)))
    assert not goes_on(Version((Step("  "),)))
    assert goes_on(Version((Step("x"),)))
