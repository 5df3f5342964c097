"""Schemas that contain themselves so that a value could never end, such as `{"$ref": "#"}`."""

from collections.abc import Set as AbstractSet
from typing import Any, cast

from modules.engine.schemas.choices import TYPES

MAX_ROUNDS = 100


def is_endless(schema: dict[str, Any]) -> bool:
    """For a schema that was read. False where it cannot tell."""
    definitions = cast("dict[str, Any]", schema.get("$defs", {}))
    ending: set[str] = set()
    for _ in range(MAX_ROUNDS):
        found = len(ending)
        for name in reversed(definitions):
            if _can_end(definitions[name], ending):
                ending.add(f"#/$defs/{name}")
        if _can_end(schema, ending):
            return False
        if len(ending) == found:
            return True
    return False


def _can_end(schema: Any, ending: AbstractSet[str]) -> bool:
    """`ending`: the references that lead to values that can."""
    if not isinstance(schema, dict):
        return True
    known = cast("dict[str, Any]", schema)
    if "const" in known or "enum" in known:
        return True
    return (
        ("$ref" not in known or known["$ref"] in ending)
        and all(_can_end(part, ending) for part in known.get("allOf", []))
        and all(
            any(_can_end(option, ending) for option in known[keyword])
            for keyword in ("anyOf", "oneOf")
            if keyword in known
        )
        and any(_can_end_as(name, known, ending) for name in _types(known))
    )


def _types(schema: dict[str, Any]) -> list[str]:
    names = schema.get("type", [*TYPES])
    return cast("list[str]", names) if isinstance(names, list) else [str(names)]


def _can_end_as(name: str, schema: dict[str, Any], ending: AbstractSet[str]) -> bool:
    if name == "object":
        properties = cast("dict[str, Any]", schema.get("properties", {}))
        rest = schema.get("additionalProperties", True) if "patternProperties" not in schema else True  # fmt: skip
        return all(_can_end(properties.get(each, rest), ending) for each in schema.get("required", []))  # fmt: skip
    if name == "array":
        first = cast("list[Any]", schema.get("prefixItems", []))
        least = schema.get("minItems", 0)
        needed = [*first[:least], *([schema.get("items", True)] if least > len(first) else [])]
        return all(_can_end(item, ending) for item in needed)
    return True
