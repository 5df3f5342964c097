"""Titles of conversations."""

import re

TITLE_LIMIT = 120
"""Characters of any title."""

UNTITLED = "New chat"
_SHORT = 48
"""Characters of one that is made from a message."""

_MARKUP = re.compile(r"^[#>*\-\s]+|[`*_]{2,}|`")


def title_from(text: str) -> str:
    """From the first message: its beginning, cut at a word."""
    plain = " ".join(_MARKUP.sub("", text[: 20 * _SHORT]).split())
    if len(plain) <= _SHORT:
        return plain or UNTITLED
    head, space, _ = plain[: _SHORT + 1].rpartition(" ")
    kept = head if space and len(head) > _SHORT // 2 else plain[:_SHORT]
    return kept.rstrip(" ,;:.-") + "…"


def clean_title(text: str) -> str:
    """One line, not too long; never empty."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text[:10_000]).split())
    return plain[:TITLE_LIMIT].rstrip() or UNTITLED


def with_note(title: str, note: str) -> str:
    """`TITLE (branch)`; said once only."""
    ending = f" ({note})"
    return title if title.endswith(ending) else title[: TITLE_LIMIT - len(ending)] + ending


def shorten(text: str, limit: int = 90) -> str:
    """The beginning of a text in one line."""
    plain = " ".join(text[: 4 * limit].split())
    return plain if len(plain) <= limit else plain[:limit].rstrip() + "…"
