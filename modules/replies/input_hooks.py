"""What extensions make of a request before there is a prompt. Blocking, like all hooks."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar, cast

from modules.core.asked import ChatRequest, TextRequest
from modules.core.messages import Message
from modules.hooks import Hooks, WrongAnswer

S = TypeVar("S", ChatRequest, TextRequest)


def hooked_chat(request: ChatRequest, hooks: Hooks) -> ChatRequest:
    """The request as state, history and input hooks leave it.

    `chat_input_modifier` is for what comes in: the last message of an API's chat. The web UI calls `enter_text` when it is sent.
    """
    request = hooks.modify("state_modifier", request, check=_checked_state)
    messages = hooks.modify(
        "history_modifier",
        list(request.messages),
        request,
        check=_checked_messages,
        copy=list,
    )
    if request.face == "api" and messages and messages[-1].role == "user":
        messages[-1] = with_texts(
            messages[-1], lambda text: enter_text(text, text, request, hooks)[0]
        )
    asked = _last_question(messages)
    if asked is not None:
        messages[asked] = with_texts(
            messages[asked], lambda text: modify_input(text, request, hooks)
        )
    return replace(request, messages=tuple(messages))


def hooked_text(request: TextRequest, hooks: Hooks) -> TextRequest:
    """The same for a text completion; a prompt of token ids is left as it is."""
    request = hooks.modify("state_modifier", request, check=_checked_state)
    if request.ids is not None:
        return request
    return replace(request, text=modify_input(request.text, request, hooks))


def enter_text(text: str, visible: str, request: ChatRequest, hooks: Hooks) -> tuple[str, str]:
    """What a user says, as it comes in: the text for the model and the one to show."""
    for extension, hook in hooks.each("chat_input_modifier"):
        try:
            text, visible = _checked_pair(hook(text, visible, request))
        except Exception as error:  # noqa: BLE001 - whatever an extension does
            hooks.note(extension, "chat_input_modifier", error)
    return text, visible


def modify_input(text: str, request: ChatRequest | TextRequest, hooks: Hooks) -> str:
    return hooks.modify("input_modifier", text, request, check=checked_text)


def with_texts(message: Message, change: Callable[[str], str]) -> Message:
    """Its text changed; where there are pictures between, each text by itself."""
    if message.content is None:
        return message
    if isinstance(message.content, str):
        return replace(message, content=change(message.content))
    parts = (change(part) if isinstance(part, str) else part for part in message.content)
    return replace(message, content=tuple(parts))


def checked_text(answer: object, _before: object = None) -> str:
    if not isinstance(answer, str):
        raise WrongAnswer(f"it returned {type(answer).__name__}, not str")
    return answer


def _last_question(messages: list[Message]) -> int | None:
    places = [i for i, message in enumerate(messages) if message.role == "user"]
    return places[-1] if places else None


def _checked_state(answer: object, before: S) -> S:
    if type(answer) is not type(before):
        raise WrongAnswer(f"it returned {type(answer).__name__}, not {type(before).__name__}")
    return cast("S", answer)


def _checked_messages(answer: object, _before: list[Message]) -> list[Message]:
    items = _as_list(answer, "a list of messages")
    if not items or not all(isinstance(each, Message) for each in items):
        raise WrongAnswer("it returned something else than messages, or none")
    return cast("list[Message]", items)


def _checked_pair(answer: object) -> tuple[str, str]:
    pair = _as_list(answer, "two texts")
    if len(pair) != 2:
        raise WrongAnswer(f"it returned {len(pair)} values, not two texts")
    return checked_text(pair[0]), checked_text(pair[1])


def _as_list(answer: object, wanted: str) -> list[object]:
    if not isinstance(answer, list | tuple):
        raise WrongAnswer(f"it returned {type(answer).__name__}, not {wanted}")
    return list(cast("list[object]", answer))
