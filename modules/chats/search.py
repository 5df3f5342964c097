"""Finding a text in conversations."""

import re
from collections.abc import Iterable

from modules.chats.store import MAX_QUERY

_BEFORE, _AFTER = 40, 90
"""Characters of a snippet around what was found."""


def to_pattern(query: str) -> re.Pattern[str] | None:
    """For the words of the query in their order, whatever their case and the space between them; None for an empty one."""
    words = query[:MAX_QUERY].split()
    return re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE) if words else None


def find_snippet(pattern: re.Pattern[str], texts: Iterable[str]) -> str | None:
    """The first place among the texts, in one line; None when it is nowhere."""
    for text in texts:
        match = pattern.search(text)
        if match is not None:
            start, end = max(0, match.start() - _BEFORE), match.end() + _AFTER
            cut = " ".join(text[start:end].split())
            return f"{'…' if start else ''}{cut}{'…' if end < len(text) else ''}"
    return None
