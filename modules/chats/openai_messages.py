"""Lists of OpenAI's chat messages to a conversation."""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from modules.chats.conversation import Conversation
from modules.chats.inline_files import InlineFiles
from modules.chats.json_fields import MAX_ITEMS, Fields
from modules.chats.titles import UNTITLED
from modules.chats.turns import Attachment, Role, Step, ToolUse, Turn, Version
from modules.core.errors import RequestError

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_TEXTS = ("text", "input_text", "output_text", "refusal")
_PICTURES = ("image_url", "input_image")


def from_openai_messages(messages: Sequence[Any], files: InlineFiles) -> Conversation:
    """Tool messages become results of the calls that they answer. RequestError says which message is wrong."""
    if len(messages) > MAX_ITEMS:
        raise RequestError(f"There are more than {MAX_ITEMS} messages.", param="messages")
    reader = _Reader(files)
    for i, message in enumerate(messages):
        reader.read(Fields(message, f"messages[{i}]"))
    return _to_conversation(reader.turns())


def _to_conversation(turns: Sequence[Turn]) -> Conversation:
    """With a title from the first message of the user that has one in it."""
    titled = Conversation()
    for turn in turns:
        if turn.role == "user" and titled.title == UNTITLED:
            titled = titled.appended("user", turn.version)
    return titled.with_turns(tuple(turns))


@dataclass
class _Reply:
    """All that the assistant says between two messages of others; its calls wait in `open`, by their ids, for results."""

    attachments: tuple[Attachment, ...]
    steps: list[Step] = field(default_factory=list[Step])
    calls: list[list[ToolUse]] = field(default_factory=list[list[ToolUse]])
    open: dict[str, deque[tuple[int, int]]] = field(
        default_factory=dict[str, deque[tuple[int, int]]]
    )

    def add(self, step: Step) -> None:
        for at, call in enumerate(step.calls):
            self.open.setdefault(call.id, deque()).append((len(self.steps), at))
        self.steps.append(step)
        self.calls.append(list(step.calls))

    def answer(self, call_id: str, result: str) -> bool:
        """False where no call of this id waits."""
        if not self.open.get(call_id):
            return False
        step, at = self.open[call_id].popleft()
        self.calls[step][at] = replace(self.calls[step][at], result=result)
        return True

    def to_turn(self) -> Turn:
        steps = (
            replace(s, calls=tuple(calls)) for s, calls in zip(self.steps, self.calls, strict=True)
        )
        return Turn("assistant", (Version(tuple(steps), self.attachments),))


class _Reader:
    """Message by message: a chat of tools may have thousands of calls in one turn."""

    def __init__(self, files: InlineFiles) -> None:
        self._files = files
        self._turns: list[Turn | _Reply] = []

    def turns(self) -> list[Turn]:
        return [each.to_turn() if isinstance(each, _Reply) else each for each in self._turns]

    def read(self, message: Fields) -> None:
        role = message.text("role")
        if role == "tool":
            self._read_result(message)
            return
        if role not in _ROLES:
            raise RequestError(
                f"{message.where}.role must be system, developer, user, assistant or tool.",
                param=message.where,
            )
        text, attachments = _content(message, self._files)
        if role == "assistant":
            self._read_reply(message, text, attachments)
        else:
            version = Version.of(text, attachments=attachments)
            self._turns.append(Turn(_ROLES[role], (version,)))

    def _read_reply(self, message: Fields, text: str, attachments: tuple[Attachment, ...]) -> None:
        """After calls it is one more step of the same turn."""
        reasoning = message.text("reasoning_content") or message.text("reasoning")
        step = Step(text, reasoning, tuple(_call(each) for each in message.objects("tool_calls")))
        reply = self._last_reply
        if reply is None or not reply.steps[-1].calls:
            reply = _Reply(attachments)
            self._turns.append(reply)
        reply.add(step)

    def _read_result(self, message: Fields) -> None:
        text, _ = _content(message, InlineFiles())
        reply = self._last_reply
        if reply is None or not reply.answer(message.text("tool_call_id"), text):
            raise RequestError(
                f"{message.where} answers a call that is not in the message before it.",
                param=message.where,
            )

    @property
    def _last_reply(self) -> _Reply | None:
        last = self._turns[-1] if self._turns else None
        return last if isinstance(last, _Reply) else None


def _call(fields: Fields) -> ToolUse:
    function = Fields(fields.values.get("function"), f"{fields.where}.function")
    return ToolUse(fields.text("id"), function.text("name"), _arguments(function) or "{}")


def _arguments(function: Fields) -> str:
    """JSON text; some programs write the object itself."""
    value = function.values.get("arguments")
    if isinstance(value, str | None):
        return function.text("arguments")
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        raise RequestError(f"{function.where}.arguments must be JSON.", param="file") from None


def _content(message: Fields, files: InlineFiles) -> tuple[str, tuple[Attachment, ...]]:
    content = message.values.get("content")
    if not isinstance(content, list):
        return message.text("content"), ()
    texts: list[str] = []
    pictures: list[Attachment] = []
    for part in message.objects("content"):
        kind = part.text("type")
        if kind in _TEXTS:
            texts.append(part.text("text") or part.text("refusal"))
        elif kind in _PICTURES:
            name = f"picture {len(pictures) + 1}"
            file = files.add_picture(_url(part), f"{part.where}.image_url")
            pictures.append(Attachment(name, "image", file=file))
        else:
            raise RequestError(
                f"{part.where} is of type {kind[:40]!r}; text and pictures can be imported.",
                param=part.where,
            )
    return "".join(texts), tuple(pictures)


def _url(part: Fields) -> str:
    value = part.values.get("image_url")
    if isinstance(value, dict):
        return Fields(cast("dict[str, Any]", value), f"{part.where}.image_url").text("url")
    return part.text("image_url")
