"""Requests on their way through state, history and input hooks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from modules.core.asked import ChatRequest, TextRequest
from modules.core.messages import Image, Message
from modules.extensions import hooks_in
from modules.hooks import Extension, Hooks
from modules.replies.input_hooks import enter_text, hooked_chat, hooked_text

USER, REPLY, ASKED = Message("user", "one"), Message("assistant", "two"), Message("user", "three")
CHAT = ChatRequest(messages=(USER, REPLY, ASKED))


def hooked(**functions: Callable[..., Any]) -> Hooks:
    hooks = Hooks()
    hooks.add(Extension("x", functions=hooks_in(functions, "x"), is_enabled=True))
    return hooks


def texts(request: ChatRequest) -> list[str]:
    return [message.text for message in request.messages]


def shout(text: str) -> str:
    return text.upper()


def test_without_hooks_a_request_is_what_it_was() -> None:
    assert hooked_chat(CHAT, Hooks()) == CHAT
    assert hooked_text(TextRequest(text="a"), Hooks()) == TextRequest(text="a")


def test_the_state_can_be_replaced_and_later_hooks_see_it() -> None:
    seen: list[int | None] = []

    def input_modifier(text: str, state: ChatRequest) -> str:
        seen.append(state.max_tokens)
        return text

    hooks = hooked(
        state_modifier=lambda state: replace(state, max_tokens=7), input_modifier=input_modifier
    )
    assert hooked_chat(CHAT, hooks).max_tokens == 7
    assert seen == [7]


@pytest.mark.parametrize("answer", [None, {}, TextRequest(text="x")])
def test_a_state_of_another_kind_is_a_fault(answer: object) -> None:
    hooks = hooked(state_modifier=lambda state: answer)
    assert hooked_chat(CHAT, hooks) == CHAT
    assert hooks.faults[0].hook == "state_modifier"


def test_only_the_users_last_message_is_input() -> None:
    hooks = hooked(input_modifier=shout)
    assert texts(hooked_chat(CHAT, hooks)) == ["one", "two", "THREE"]
    tools = replace(CHAT, messages=(*CHAT.messages, REPLY, Message("tool", "four")))
    assert texts(hooked_chat(tools, hooks)) == ["one", "two", "THREE", "two", "four"]
    alone = replace(CHAT, messages=(Message("system", "s"), REPLY))
    assert texts(hooked_chat(alone, hooks)) == ["s", "two"]


def test_texts_around_pictures_are_changed_and_the_pictures_stay() -> None:
    image = Image(1, 1, b"rgb")
    asked = Message("user", ("see", image, "this"))
    found = hooked_chat(replace(CHAT, messages=(asked,)), hooked(input_modifier=shout))
    assert found.messages[0].content == ("SEE", image, "THIS")


def test_the_history_is_changed_before_the_input() -> None:
    hooks = hooked(
        history_modifier=lambda messages, state: messages[1:],
        input_modifier=lambda text: text + "!",
    )
    assert texts(hooked_chat(CHAT, hooks)) == ["two", "three!"]


@pytest.mark.parametrize("answer", [None, [], "text", ["text"], [USER, None]])
def test_a_wrong_history_is_a_fault(answer: object) -> None:
    hooks = hooked(history_modifier=lambda messages: answer)
    assert hooked_chat(CHAT, hooks) == CHAT
    assert len(hooks.faults) == 1


def test_a_hook_that_changes_its_list_and_fails_changes_nothing() -> None:
    def history_modifier(messages: list[Message]) -> list[Message]:
        messages.clear()
        raise ValueError

    assert hooked_chat(CHAT, hooked(history_modifier=history_modifier)) == CHAT


def test_what_comes_in_by_the_api_is_entered_and_the_ui_enters_by_itself() -> None:
    hooks = hooked(chat_input_modifier=lambda text, visible: (text + "?", visible + "."))
    assert texts(hooked_chat(CHAT, hooks))[-1] == "three?"
    assert texts(hooked_chat(replace(CHAT, face="ui"), hooks))[-1] == "three"
    assert enter_text("a", "b", CHAT, hooks) == ("a?", "b.")
    answered = replace(CHAT, messages=(USER, REPLY))
    assert texts(hooked_chat(answered, hooks)) == ["one", "two"]


@pytest.mark.parametrize("answer", [None, "ab", ("a",), ("a", 5), ("a", "b", "c")])
def test_what_is_no_pair_of_texts_is_a_fault(answer: object) -> None:
    hooks = hooked(chat_input_modifier=lambda text, visible: answer)
    assert enter_text("a", "b", CHAT, hooks) == ("a", "b")
    assert len(hooks.faults) == 1


def test_a_prompt_is_input_as_a_whole_and_ids_are_not() -> None:
    hooks = hooked(input_modifier=shout)
    assert hooked_text(TextRequest(text="abc"), hooks).text == "ABC"
    assert hooked_text(TextRequest(text="abc", ids=(1,)), hooks).text == "abc"
