"""What the list needs of a chat's JSON, without reading all of it strictly; what is not as it should be is passed over."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from modules.chats.json_fields import LATEST
from modules.chats.titles import clean_title


@dataclass(frozen=True, slots=True)
class Header:
    title: str
    character: str
    updated: float
    revision: int
    message_count: int
    last_text: str


def header(raw: Mapping[str, Any]) -> Header:
    turns = _list(raw.get("turns"))
    return Header(
        title=clean_title(_text(raw.get("title"))),
        character=_text(raw.get("character")),
        updated=_time(raw.get("updated")),
        revision=int(_number(raw.get("revision"))),
        message_count=len(turns),
        last_text=_turn_text(turns[-1]) if turns else "",
    )


def chosen_texts(raw: Mapping[str, Any]) -> Iterator[str]:
    for turn in _list(raw.get("turns")):
        yield _turn_text(turn)


def _turn_text(turn: Any) -> str:
    fields = _object(turn)
    versions = _list(fields.get("versions"))
    chosen = int(_number(fields.get("chosen")))
    if not versions:
        return ""
    version = _object(versions[min(chosen, len(versions) - 1)])
    texts = (_text(_object(step).get("text")) for step in _list(version.get("steps")))
    return "\n\n".join(text for text in texts if text)


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _object(value: Any) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _time(value: Any) -> float:
    """Seconds since 1970, in a year that calendars know."""
    return min(float(_number(value)), LATEST)


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and 0 <= value < 2**53 else 0
