"""`oneOf` is `anyOf` when no value can satisfy two of its schemas. This finds out where that is sure."""

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, cast

from modules.engine.schemas.references import Schema

Resolve = Callable[[Schema], Any]
"""The target of a schema's `$ref`."""

TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_MAX_DEPTH = 12
_MAX_OPTIONS = 100
_MAX_STEPS = 20_000


def are_exclusive(options: Sequence[Any], resolve: Resolve) -> bool:
    """Whether no value satisfies two of them; False when that is not sure."""
    if len(options) > _MAX_OPTIONS:
        return False
    comparison = _Comparison(resolve)
    return all(comparison.are_disjoint(a, b, _MAX_DEPTH) for a, b in combinations(options, 2))


class _Comparison:
    """Gives up, so that hostile schemas take no time, after `_MAX_STEPS`."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._steps = 0

    def are_disjoint(self, a: Any, b: Any, depth: int) -> bool:
        self._steps += 1
        if a is False or b is False:
            return True
        is_over = depth == 0 or self._steps > _MAX_STEPS
        if is_over or not isinstance(a, dict) or not isinstance(b, dict):
            return False
        first, second = cast("Schema", a), cast("Schema", b)
        return (
            _differ_in_values(first, second)
            or not (_types(first) & _types(second))
            or self._differ_in_a_property(first, second, depth)
            or self._is_apart_by_parts(first, second, depth)
            or self._is_apart_by_parts(second, first, depth)
        )

    def _is_apart_by_parts(self, schema: Schema, other: Schema, depth: int) -> bool:
        def is_apart(part: Any) -> bool:
            return self.are_disjoint(part, other, depth - 1)

        if "$ref" in schema and is_apart(self._resolve(schema)):
            return True
        if any(map(is_apart, _list(schema.get("allOf")))):
            return True
        return any(
            options and all(map(is_apart, options))
            for options in (_list(schema.get("anyOf")), _list(schema.get("oneOf")))
        )

    def _differ_in_a_property(self, a: Schema, b: Schema, depth: int) -> bool:
        """Objects that both must have a property whose values tell them apart, as tagged unions do."""
        if not _types(a) | _types(b) <= {"object"}:
            return False
        properties, others = _mapping(a.get("properties")), _mapping(b.get("properties"))
        shared = {name for name in _list(a.get("required")) if isinstance(name, str)}
        shared &= {name for name in _list(b.get("required")) if isinstance(name, str)}
        return any(
            self.are_disjoint(properties.get(name), others.get(name), depth - 1) for name in shared
        )


def _differ_in_values(a: Schema, b: Schema) -> bool:
    first, second = _values(a), _values(b)
    return first is not None and second is not None and not first & second


def _values(schema: Schema) -> set[str] | None:
    """What `const` or `enum` allow, each value as text; None without either. 1 and 1.0 are the same value."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(values, list):
        return None
    return {json.dumps(_plain(value), sort_keys=True) for value in cast("list[Any]", values)}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in cast("dict[str, Any]", value).items()}
    return value


def _types(schema: Schema) -> frozenset[str]:
    names = schema.get("type")
    if names is None:
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if not isinstance(values, list):
            return TYPES
        return frozenset(map(_type_of, cast("list[Any]", values)))
    listed = {names} if isinstance(names, str) else {str(name) for name in _list(names)}
    return frozenset(listed | ({"integer"} if "number" in listed else set()))


def _type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "integer"
        case str():
            return "string"
        case _:
            return "array" if isinstance(value, list) else "object"


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
