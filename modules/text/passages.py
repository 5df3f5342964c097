"""A long text in pieces that a voice can take at once, cut where a reader would pause."""

import re
from collections.abc import Iterator

_BOUNDARIES = (
    re.compile(r"[.!?…。！？]\s|\n"),
    re.compile(r"[,;:、，；：—]\s?"),
    re.compile(r"\s"),
)
"""Best first."""


def passages(text: str, longest: int) -> Iterator[str]:
    """Pieces of at most `longest` characters; joined they are the text again."""
    start = 0
    while len(text) - start > longest:
        end = _last_boundary(text, start, start + longest)
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _last_boundary(text: str, start: int, end: int) -> int:
    """In the second half of the piece, so that no piece is tiny; the end itself where there is none."""
    for boundary in _BOUNDARIES:
        places = [found.end() for found in boundary.finditer(text, (start + end) // 2, end)]
        if places:
            return places[-1]
    return end
