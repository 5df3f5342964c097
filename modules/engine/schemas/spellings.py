"""Keywords of older drafts, and those that others can say: the same schema in keywords that llguidance has."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from modules.engine.schemas.references import Schema

_IN_PLACE = frozenset({"$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "$dynamicRef"})
"""Schemas for the same value: what they have looked at is "evaluated"."""


def respell(schema: Schema, resolve: Callable[[Schema], Any]) -> Schema:
    spelled = dict(schema)
    _spell_items(spelled)
    _spell_exclusive_bounds(spelled)
    if not _IN_PLACE & set(spelled):
        _spell_unevaluated(spelled, "unevaluatedProperties", "additionalProperties")
        _spell_unevaluated(spelled, "unevaluatedItems", "items")
    _spell_property_names(spelled, resolve)
    return spelled


def _spell_items(schema: dict[str, Any]) -> None:
    """Before 2020-12, `items` could be the list that `prefixItems` is now."""
    rest = schema.pop("additionalItems", None)
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if rest is not None:
            schema["items"] = rest


def _spell_exclusive_bounds(schema: dict[str, Any]) -> None:
    """In draft 4 they were true or false, and told about `minimum` and `maximum`."""
    for inclusive, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if schema.get(exclusive) is True and inclusive in schema:
            schema[exclusive] = schema.pop(inclusive)
        elif isinstance(schema.get(exclusive), bool):
            del schema[exclusive]


def _spell_unevaluated(schema: dict[str, Any], keyword: str, same: str) -> None:
    """Where nothing else has looked at the value, this is the same keyword."""
    if keyword in schema:
        schema.setdefault(same, schema.pop(keyword))


def _spell_property_names(schema: dict[str, Any], resolve: Callable[[Schema], Any]) -> None:
    """A pattern or a list of names, where no other keyword has names in it."""
    names: Any = schema.get("propertyNames")
    if isinstance(names, dict) and "$ref" in names:
        names = resolve(cast("Schema", names))
    if not isinstance(names, dict) or {"properties", "patternProperties"} & set(schema):
        return
    known = cast("Mapping[str, Any]", names)
    only = set(known) - {"type", "title", "description", "default", "examples"}
    allowed = schema.get("additionalProperties", True)
    if only == {"enum"} and isinstance(known["enum"], list):
        listed = [name for name in cast("list[Any]", known["enum"]) if isinstance(name, str)]
        schema |= {"properties": dict.fromkeys(listed, allowed)}
    elif only == {"pattern"} and known.get("type", "string") == "string":
        schema |= {"patternProperties": {known["pattern"]: allowed}}
    else:
        return
    schema["additionalProperties"] = False
    del schema["propertyNames"]
