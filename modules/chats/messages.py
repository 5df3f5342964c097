"""A conversation as the engine reads it: the chosen versions as messages, with what the files hold."""

import json
import re
from collections.abc import Callable, Iterator, Mapping

from modules.chats.conversation import Conversation
from modules.chats.turns import Attachment, Step, Turn, Version
from modules.core.errors import RequestError
from modules.core.messages import Content, Image, Message, ToolCall
from modules.pictures.decoding import Decoder

MAX_PIXELS = 100_000_000
NO_RESULT = "This call was not run."

_BACKTICKS = re.compile("`{3,}")


def to_messages(
    conversation: Conversation, images: Mapping[str, Image] | None = None
) -> tuple[Message, ...]:
    """`images`: the pictures by the names of their files (`read_images`); for one that is not there a line of text says so.

    A call without a result, which templates cannot show, gets one that says that it was not run.
    """
    found: list[Message] = []
    for turn in conversation.turns:
        found.extend(_to_messages(turn, images or {}))
    return tuple(found)


def read_images(
    conversation: Conversation,
    read_file: Callable[[str], bytes],
    *,
    max_pixels: int = MAX_PIXELS,
    keeps_files: bool = False,
) -> dict[str, Image]:
    """The pictures of the chosen versions. Blocking: they are decoded.

    The newest come first: when they are more than `max_pixels` together, the oldest are left out, as are those whose file is gone or
    damaged. `keeps_files`: for a model that another server runs (see `Image`).
    """
    decoder = Decoder(max_pixels)
    decode = decoder.check if keeps_files else decoder.decode
    images: dict[str, Image] = {}
    for attachment in _pictures_newest_first(conversation):
        if attachment.file in images:
            continue
        try:
            images[attachment.file] = decode(read_file(attachment.file))
        except RequestError as error:
            if error.code == "image_too_large":
                break
    return images


def quoted(name: str, text: str, notice: str = "") -> str:
    """A file in a message: its name, then its text between lines of backticks, more of them than the text has in a row."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    note = f" ({notice})" if notice else ""
    return f"File {json.dumps(name, ensure_ascii=False)}{note}:\n{fence}\n{text.rstrip()}\n{fence}"


def _pictures_newest_first(conversation: Conversation) -> Iterator[Attachment]:
    for turn in reversed(conversation.turns):
        for attachment in reversed(turn.version.attachments):
            if attachment.kind == "image" and attachment.file:
                yield attachment


def _to_messages(turn: Turn, images: Mapping[str, Image]) -> Iterator[Message]:
    if turn.role == "assistant":
        for step in turn.version.steps:
            yield from _to_reply(step)
    else:
        yield Message(turn.role, _content(turn.version, images))


def _to_reply(step: Step) -> Iterator[Message]:
    if step.is_empty:
        return
    calls = tuple(ToolCall(call.id, call.name, call.arguments) for call in step.calls)
    yield Message(
        "assistant",
        step.text or (None if calls or step.reasoning else ""),
        tool_calls=calls,
        reasoning_content=step.reasoning or None,
    )
    for call in step.calls:
        result = NO_RESULT if call.result is None else call.result
        yield Message("tool", result, name=call.name, tool_call_id=call.id)


def _content(version: Version, images: Mapping[str, Image]) -> Content:
    parts = [_part(attachment, images) for attachment in version.attachments]
    if version.text:
        parts.append(version.text)
    if not any(isinstance(part, Image) for part in parts):
        return "\n\n".join(part for part in parts if isinstance(part, str))
    return tuple(_with_spaces(parts))


def _part(attachment: Attachment, images: Mapping[str, Image]) -> str | Image:
    if attachment.kind != "image":
        name = f"transcript of {attachment.name}" if attachment.kind == "audio" else attachment.name
        return quoted(name, attachment.text, attachment.notice)
    image = images.get(attachment.file)
    return image or f"[A picture, {json.dumps(attachment.name, ensure_ascii=False)}, is not shown.]"


def _with_spaces(parts: list[str | Image]) -> Iterator[str | Image]:
    """An empty line between two texts; pictures stand alone."""
    for i, part in enumerate(parts):
        follows_text = i > 0 and isinstance(parts[i - 1], str)
        yield f"\n\n{part}" if follows_text and isinstance(part, str) else part
