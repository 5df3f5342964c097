"""Keywords whose value is no schema: each as llguidance is given it, or an error."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from modules.engine.schemas.choices import TYPES
from modules.engine.schemas.faults import unsupported, wrong
from modules.engine.schemas.formats import ANNOTATIONS, BUILT_IN, PATTERNS
from modules.engine.schemas.numbers import read_count, read_divisor
from modules.engine.schemas.patterns import to_rust

Read = dict[str, Any]
Reader = Callable[[Any, Mapping[str, Any], str], Read]
"""From a keyword's value, the whole schema and the place of the keyword."""


def _count(value: Any, schema: Mapping[str, Any], place: str) -> Read:
    return {place.rpartition(".")[2]: read_count(value, place)}


def _least_properties(value: Any, schema: Mapping[str, Any], place: str) -> Read:
    """llguidance lets a name that is not under `properties` come twice, but it counts once."""
    count = read_count(value, place)
    if count <= len(_names(schema.get("required", []), place)):
        return {}
    if count > 1:
        raise unsupported("minProperties", place)
    return {"minProperties": count}


def _type(value: Any, schema: Mapping[str, Any], place: str) -> Read:
    names = cast("list[Any]", value) if isinstance(value, list) else [value]
    if not all(isinstance(name, str) and name in TYPES for name in names):
        raise wrong(place, f"It must be one of {', '.join(sorted(TYPES))}, or a list of them.")
    return {"type": value}


def _pattern(value: Any, schema: Mapping[str, Any], place: str) -> Read:
    if not isinstance(value, str):
        raise wrong(place, "It must be a text.")
    return {"pattern": to_rust(value)}


def _format(value: Any, schema: Mapping[str, Any], place: str) -> Read:
    names = schema.get("type", "string")
    if "string" not in (cast("list[Any]", names) if isinstance(names, list) else [names]):
        return {}
    if not isinstance(value, str):
        raise wrong(place, "It must be a text.")
    if value in ANNOTATIONS:
        return {}
    if value in PATTERNS:
        return {"pattern": PATTERNS[value]}
    if value in BUILT_IN:
        return {"format": value}
    raise wrong(place, "This format cannot be enforced.")


def _required(value: Any, schema: Mapping[str, Any], place: str) -> Read:
    return {"required": _names(value, place)}


def _names(value: Any, place: str) -> list[str]:
    """Each once."""
    names = cast("list[Any]", value) if isinstance(value, list) else [None]
    if not all(isinstance(name, str) for name in names):
        raise wrong(place, "It must be a list of names.")
    return list(dict.fromkeys(cast("list[str]", names)))


def _choices(value: Any, schema: Mapping[str, Any], place: str) -> Read:
    if not isinstance(value, list):
        raise wrong(place, "It must be a list.")
    return {"enum": cast("list[Any]", value)}


def _constant(value: Any, schema: Mapping[str, Any], place: str) -> Read:
    return {"const": value}


def _divisor(value: Any, schema: Mapping[str, Any], place: str) -> Read:
    return {"multipleOf": read_divisor(value, place)}


READERS: Mapping[str, Reader] = {
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "maxProperties"), _count),
    "minProperties": _least_properties,
    "type": _type,
    "pattern": _pattern,
    "format": _format,
    "required": _required,
    "enum": _choices,
    "const": _constant,
    "multipleOf": _divisor,
}
