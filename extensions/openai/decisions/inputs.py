"""What is to be decided on, as messages of a chat. Pure functions."""

import json
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from extensions.openai.decisions.typing import (
    DecisionCall,
    DecisionCallOutput,
    DecisionContent,
    DecisionItem,
    DecisionMessage,
    DecisionPart,
)
from extensions.openai.message_types import ChatMessage
from modules.core.errors import RequestError

MAX_JSON_DEPTH = 32
MAX_JSON_VALUES = 10_000
MAX_JSON_BYTES = 256 * 1024
_PLACE = re.compile(r"messages\[(\d+)\]\.content")


@dataclass(frozen=True, slots=True)
class SourcedMessage:
    """`source`: where in the request its content stands."""

    message: ChatMessage
    source: str


def to_chat_messages(given: str | Sequence[DecisionItem]) -> list[SourcedMessage]:
    """RequestError for parts that miss their content, and for outputs of calls that are not there."""
    if isinstance(given, str):
        return [_sourced({"role": "user", "content": given}, "input")]
    messages: list[dict[str, Any]] = []
    sources: list[str] = []
    call_ids: set[str] = set()
    for index, item in enumerate(given):
        where = f"input[{index}]"
        if isinstance(item, DecisionMessage):
            content = to_content(item.content, f"{where}.content")
            messages.append({"role": item.role, "content": content})
        elif isinstance(item, DecisionCall):
            call_ids.add(item.call_id)
            _add_call(messages, _to_call(item, where))
        else:
            messages.append(_to_output(item, call_ids, where))
        field = "output" if isinstance(item, DecisionCallOutput) else "content"
        sources += [f"{where}.{field}"] * (len(messages) - len(sources))
    return [_sourced(fields, source) for fields, source in zip(messages, sources, strict=True)]


def to_question_message(instructions: DecisionContent, where: str) -> SourcedMessage:
    return _sourced({"role": "user", "content": to_content(instructions, where)}, where)


@contextmanager
def named_by_source(messages: Sequence[SourcedMessage]) -> Generator[None]:
    """Errors that name a place in these messages name it as the request does."""
    try:
        yield
    except RequestError as error:
        place = _PLACE.match(error.param or "")
        if place is not None:
            error.param = messages[int(place[1])].source + (error.param or "")[place.end() :]
        raise


def to_content(content: DecisionContent, where: str) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    return [_to_part(part, f"{where}[{i}]") for i, part in enumerate(content)]


def _sourced(fields: dict[str, Any], source: str) -> SourcedMessage:
    return SourcedMessage(ChatMessage.model_validate(fields), source)


def _to_part(part: DecisionPart, where: str) -> dict[str, Any]:
    if part.type == "input_json":
        return {"type": "text", "text": _to_json(part, where)}
    if part.type == "input_image":
        return {"type": "input_image", "image_url": part.image_url}
    text = part.refusal if part.type == "refusal" else part.text
    if text is None:
        field = "refusal" if part.type == "refusal" else "text"
        raise RequestError(f"A part of type {part.type} needs {field}.", param=f"{where}.{field}")
    return {"type": "text", "text": text}


def _to_json(part: DecisionPart, where: str) -> str:
    if part.data is None:
        raise RequestError("A part of type input_json needs data.", param=f"{where}.data")
    _check_size(part.data, f"{where}.data")
    text = json.dumps(part.data, ensure_ascii=False, separators=(",", ":"))
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise RequestError("data has half of a surrogate pair.", param=f"{where}.data") from None
    if size > MAX_JSON_BYTES:
        raise RequestError(
            f"data is larger than {MAX_JSON_BYTES // 1024} KiB as JSON.", param=f"{where}.data"
        )
    return text


def _check_size(data: Any, where: str) -> None:
    """Level by level, so that no depth is too deep for this."""
    level: list[Any] = [data]
    values = depth = 0
    while level:
        values += len(level)
        if values > MAX_JSON_VALUES:
            raise RequestError(f"data has more than {MAX_JSON_VALUES} values.", param=where)
        depth += any(isinstance(value, dict | list) for value in level)
        if depth > MAX_JSON_DEPTH:
            raise RequestError(f"data is nested deeper than {MAX_JSON_DEPTH} levels.", param=where)
        level = [child for value in level for child in _children(value)]


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else []


def _to_call(item: DecisionCall, where: str) -> dict[str, Any]:
    is_function = item.type == "function_call"
    field = "arguments" if is_function else "input"
    text = item.arguments if is_function else item.input
    if text is None:
        raise RequestError(f"An item of type {item.type} needs {field}.", param=f"{where}.{field}")
    arguments = text if is_function else json.dumps({"input": text}, ensure_ascii=False)
    return {
        "id": item.call_id,
        "type": "function",
        "function": {"name": item.name, "arguments": arguments},
    }


def _add_call(messages: list[dict[str, Any]], call: dict[str, Any]) -> None:
    """Calls in a row belong to one message, as does the text before them."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    messages[-1].setdefault("tool_calls", []).append(call)


def _to_output(item: DecisionCallOutput, call_ids: set[str], where: str) -> dict[str, Any]:
    if item.call_id not in call_ids:
        raise RequestError("No call before it has this call_id.", param=f"{where}.call_id")
    content = to_content(item.output, f"{where}.output")
    return {"role": "tool", "tool_call_id": item.call_id, "content": content}
