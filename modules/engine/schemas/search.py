"""Which keyword of a schema llguidance stumbles over: its own words tell neither the keyword nor the place."""

from collections.abc import Callable
from typing import Any

from modules.engine.schemas.reader import ReadSchema

MAX_TRIES = 300
"""Each compiles the whole schema."""
_KEPT = frozenset({"$defs", "x-guidance"})
_LAST = frozenset({"type", *_KEPT})
"""Without its type nearly every schema is without fault."""


def find_fault(read: ReadSchema, fault_of: Callable[[Any], str]) -> str | None:
    """The place of the innermost keyword without which there is no fault, or another; None when it is none alone.

    `fault_of`: what is wrong with a schema, empty when nothing is.
    """
    if len(read.parts) > MAX_TRIES:
        return None
    fault = fault_of(read.schema)
    for part in reversed(read.parts):
        if _changes(fault, part.schema, list(part.schema), read.schema, fault_of):
            for keyword in sorted(part.schema, key=_LAST.__contains__):
                if _changes(fault, part.schema, [keyword], read.schema, fault_of):
                    return f"{part.place}.{keyword}"
            return part.place
    return None


def _changes(
    fault: str,
    part: dict[str, Any],
    keywords: list[str],
    root: Any,
    fault_of: Callable[[Any], str],
) -> bool:
    """Tries the schema without these keywords of one part of it."""
    kept = dict(part)
    for keyword in keywords:
        if keyword not in _KEPT:
            del part[keyword]
    try:
        return fault_of(root) != fault
    finally:
        part.clear()
        part.update(kept)
