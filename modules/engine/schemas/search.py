"""Which keyword of a schema llguidance stumbles over: its own words tell neither the keyword nor the place."""

from collections.abc import Callable
from typing import Any

from modules.engine.schemas.reader import Part, ReadSchema

FaultOf = Callable[[Any], str]
"""What is wrong with a schema, empty when nothing is."""

MAX_TRIES = 300
"""Each compiles the whole schema."""
_KEPT = frozenset({"$defs", "x-guidance"})
_LAST = frozenset({"type", *_KEPT})
"""Without its type nearly every schema is without fault."""


def find_fault(read: ReadSchema, fault_of: FaultOf) -> tuple[str, str] | None:
    """The place of the innermost keyword without which there is no fault, or another, and what is wrong there.

    None when it is no keyword alone.
    """
    if len(read.parts) > MAX_TRIES:
        return None
    fault = fault_of(read.schema)
    rest = {key: read.schema[key] for key in _KEPT if key in read.schema}
    for part in reversed(read.parts):
        own_fault = fault_of(part.schema | rest)
        if not own_fault or _stays(fault, part, list(part.schema), read, fault_of):
            continue
        for keyword in sorted(part.schema, key=_LAST.__contains__):
            if not _stays(fault, part, [keyword], read, fault_of):
                return f"{part.place}.{keyword}", own_fault
        return part.place, own_fault
    return None


def _stays(
    fault: str, part: Part, keywords: list[str], read: ReadSchema, fault_of: FaultOf
) -> bool:
    """Whether the whole schema has the same fault without these keywords of a part."""
    kept = dict(part.schema)
    for keyword in keywords:
        if keyword not in _KEPT:
            del part.schema[keyword]
    try:
        return fault_of(read.schema) == fault
    finally:
        part.schema.clear()
        part.schema.update(kept)
