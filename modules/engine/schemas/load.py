"""How many patterns one text may have to match at once. llguidance intersects them in time that doubles with each.

A divisor counts as patterns too, by its digits: numbers have to be multiples of all of theirs, that is of their product.
"""

import math
from collections.abc import Mapping
from typing import Any, cast

from modules.engine.schemas.numbers import count_remainders

MAX_PATTERNS = 8
MAX_ROUNDS = 100


def has_too_many_patterns(schema: dict[str, Any]) -> bool:
    """For a schema that was read. It counts values apart as one where it cannot tell, so never too few."""
    definitions = _entries(schema, "$defs")
    counts: dict[str, int] = {}
    for _ in range(MAX_ROUNDS):
        before = dict(counts)
        for name in reversed(definitions):
            counts[f"#/$defs/{name}"] = _count(definitions[name], counts)
        most = max([_count(schema, counts), *counts.values()])
        if counts == before or most > MAX_PATTERNS:
            return most > MAX_PATTERNS
    return True


def _count(schema: Any, counts: Mapping[str, int]) -> int:
    if not isinstance(schema, dict):
        return 0
    known = cast("dict[str, Any]", schema)
    own = ("pattern" in known) + ("format" in known) + counts.get(known.get("$ref", ""), 0)
    if "multipleOf" in known:
        own += math.ceil(2 * math.log10(count_remainders(known["multipleOf"])))
    parts = sum(_count(part, counts) for part in known.get("allOf", []))
    choices = sum(
        max((_count(option, counts) for option in known.get(keyword, [])), default=0)
        for keyword in ("anyOf", "oneOf")
    )
    return min(own + parts + choices + _inside(known, counts), MAX_PATTERNS + 1)


def _inside(schema: dict[str, Any], counts: Mapping[str, int]) -> int:
    """In what the value is made of. Its parts are values of their own, so the most of one counts."""
    children = [
        *schema.get("prefixItems", []),
        *(schema.get(keyword) for keyword in ("items", "additionalProperties")),
        *_entries(schema, "properties").values(),
        *_entries(schema, "patternProperties").values(),
    ]
    return max(_count(child, counts) for child in children)


def _entries(schema: dict[str, Any], keyword: str) -> dict[str, Any]:
    return cast("dict[str, Any]", schema.get(keyword, {}))
