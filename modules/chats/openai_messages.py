"""Lists of OpenAI's chat messages to a conversation."""

import json
from collections.abc import Sequence
from typing import Any, cast

from modules.chats.conversation import Conversation
from modules.chats.inline_files import InlineFiles
from modules.chats.json_fields import MAX_ITEMS, Fields
from modules.chats.turns import Attachment, Role, Step, ToolUse, Version
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
    conversation = Conversation()
    for i, message in enumerate(messages):
        conversation = _with(conversation, Fields(message, f"messages[{i}]"), files)
    return conversation


def _with(conversation: Conversation, message: Fields, files: InlineFiles) -> Conversation:
    role = message.text("role")
    if role == "tool":
        return _with_result(conversation, message)
    if role not in _ROLES:
        raise RequestError(
            f"{message.where}.role must be system, developer, user, assistant or tool.",
            param=message.where,
        )
    text, attachments = _content(message, files)
    if role != "assistant":
        return conversation.appended(_ROLES[role], Version.of(text, attachments=attachments))
    reasoning = message.text("reasoning_content") or message.text("reasoning")
    step = Step(text, reasoning, tuple(_call(each) for each in message.objects("tool_calls")))
    last = len(conversation.turns) - 1
    if conversation.ends_with_reply and conversation.turns[last].version.steps[-1].calls:
        return conversation.with_chosen(last, conversation.turns[last].version.with_step(step))
    return conversation.appended("assistant", Version((step,), attachments))


def _with_result(conversation: Conversation, message: Fields) -> Conversation:
    call_id = message.text("tool_call_id")
    last = len(conversation.turns) - 1
    open_calls = conversation.turns[last].version.open_calls if conversation.ends_with_reply else ()
    if not any(call.id == call_id for call in open_calls):
        raise RequestError(
            f"{message.where} answers a call that is not in the message before it.",
            param=message.where,
        )
    text, _ = _content(message, InlineFiles())
    version = conversation.turns[last].version.with_result(call_id, text)
    return conversation.with_chosen(last, version)


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
