"""JSON from outside, whose shape is not sure, as typed values."""

import json
from collections.abc import Mapping
from typing import Any, cast

import orjson

Fields = Mapping[str, Any]


def to_fields(value: Any) -> Fields:
    """Empty for what is no object."""
    return cast("Fields", value) if isinstance(value, dict) else {}


def to_items(value: Any) -> list[Any]:
    """Empty for what is no list."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def to_json(value: Any) -> bytes:
    """Schemas of users may hold numbers of any length and halves of characters, which only the slower way can say."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


def whole_number(value: Any) -> int | None:
    """None for what is none, or is negative."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < 2**53 else None
