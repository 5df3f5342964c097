"""Small words of sentences: lists, values, capitals."""

from collections.abc import Iterable, Sequence
from typing import Any


def and_list(items: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return ", ".join(items[:-1]) + " and " + items[-1] if len(items) > 1 else items[0]


def spoken(value: Any) -> str:
    """A value as one writes it in a sentence: true and false in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def capital_first(text: str) -> str:
    """Unlike `str.capitalize` the other letters stay as they are."""
    return text[0].upper() + text[1:]


def without_repeats(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
