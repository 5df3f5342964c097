"""Messages of the wire to the one representation of a chat. Pure functions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from extensions.openai.message_types import ChatMessage, ContentPart
from modules.core.errors import RequestError, Unsupported
from modules.core.messages import Content, Image, Message, ToolCall

Place = tuple[int, int]
"""Message and part of a picture."""

_OTHER_MEDIA = ("input_audio", "audio", "file", "input_file", "video_url")
_PICTURES = ("image_url", "input_image")


@dataclass(frozen=True, slots=True)
class Picture:
    """Where a picture is said to be, and at which place of the messages."""

    place: Place
    url: str

    @property
    def param(self) -> str:
        return f"messages[{self.place[0]}].content[{self.place[1]}].image_url"


def pictures_in(messages: Sequence[ChatMessage]) -> Iterator[Picture]:
    """All pictures, in their order; RequestError for a part without one."""
    for i, message in enumerate(messages):
        if message.content is None or isinstance(message.content, str):
            continue
        for j, part in enumerate(message.content):
            if part.type in _PICTURES:
                yield Picture((i, j), _url(part, f"messages[{i}].content[{j}]"))


def _url(part: ContentPart, where: str) -> str:
    url = part.image_url if isinstance(part.image_url, str | None) else part.image_url.url
    if not url:
        raise RequestError("A picture needs image_url with a url.", param=f"{where}.image_url")
    return url


def to_messages(
    messages: Iterable[ChatMessage], images: Mapping[Place, Image] | None = None
) -> list[Message]:
    """Order and text untouched. `images`: the decoded pictures by their places."""
    converted: list[Message] = []
    called: dict[str, str] = {}  # name of a function -> id of its last call
    for i, message in enumerate(messages):
        converted.append(_to_message(message, i, images or {}, called))
        called.update((call.name, call.id) for call in converted[-1].tool_calls)
    return converted


def _to_message(
    message: ChatMessage, index: int, images: Mapping[Place, Image], called: Mapping[str, str]
) -> Message:
    calls = tuple(
        ToolCall(call.id, call.function.name, call.function.arguments)
        for call in message.tool_calls or []
    )
    if message.function_call is not None:  # the old form, which has no ids
        call = message.function_call
        calls += (ToolCall(f"call_{index}", call.name, call.arguments),)
    content = _to_content(message, index, images)
    if content is None and not calls and message.role != "assistant":
        raise RequestError(
            f"A message of the {message.role} needs content.", param=f"messages[{index}].content"
        )
    return Message(
        role="tool" if message.role == "function" else message.role,
        content=content,
        name=message.name,
        tool_calls=calls,
        tool_call_id=message.tool_call_id or _answered_call(message, called),
        reasoning_content=message.reasoning_content or message.reasoning,
    )


def _answered_call(message: ChatMessage, called: Mapping[str, str]) -> str | None:
    """The id that we gave to the call which an old function message answers."""
    return called.get(message.name or "") if message.role == "function" else None


def _to_content(message: ChatMessage, index: int, images: Mapping[Place, Image]) -> Content | None:
    if message.content is None:
        return message.refusal
    if isinstance(message.content, str):
        return message.content
    parts = [
        _to_part(part, (index, j), message.role, images) for j, part in enumerate(message.content)
    ]
    if not any(isinstance(part, Image) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    return tuple(parts)


def _to_part(
    part: ContentPart, place: Place, role: str, images: Mapping[Place, Image]
) -> str | Image:
    where = f"messages[{place[0]}].content[{place[1]}]"
    if part.type in _PICTURES:
        if role == "assistant":
            raise RequestError("The assistant's messages hold no pictures.", param=where)
        return images[place]
    if part.type in _OTHER_MEDIA:
        raise Unsupported(
            f"Messages take text and pictures, not parts of type {part.type}.", param=where
        )
    text = part.refusal if part.type == "refusal" else part.text
    if part.type not in ("text", "input_text", "output_text", "refusal") or text is None:
        raise RequestError(
            f"Content parts are of type text, with 'text'; not {part.type!r}.", param=where
        )
    return text
