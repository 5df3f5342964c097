"""Keywords of JSON Schema that constrain and cannot be enforced, drafts 3 to 2020-12.

Names: https://json-schema.org/draft/2020-12/json-schema-core and -validation. What is in no table here is an annotation.
"""

from collections.abc import Callable, Mapping
from typing import Any

Excludes = Callable[[Any, Mapping[str, Any]], bool]
"""Whether the keyword, with this value and in this schema, excludes anything."""


def _always(value: Any, schema: Mapping[str, Any]) -> bool:
    return True


def _unless_empty(value: Any, schema: Mapping[str, Any]) -> bool:
    return value is not True and value != {}


UNSUPPORTED: Mapping[str, Excludes] = {
    "not": lambda value, schema: value is not False,
    "if": lambda value, schema: "then" in schema or "else" in schema,
    "contains": lambda value, schema: schema.get("minContains") != 0 or "maxContains" in schema,
    "uniqueItems": lambda value, schema: value is not False,
    "propertyNames": lambda value, schema: (
        _unless_empty(value, schema) and value != {"type": "string"}
    ),
    "dependentRequired": _unless_empty,
    "dependentSchemas": _unless_empty,
    "dependencies": _unless_empty,
    "unevaluatedProperties": _unless_empty,
    "unevaluatedItems": _unless_empty,
    "$dynamicRef": _always,
    "$recursiveRef": _always,
    "divisibleBy": _always,
    "disallow": _always,
    "extends": _always,
}
"""`then`, `else`, `minContains` and `maxContains` mean nothing without the keyword that they belong to."""
