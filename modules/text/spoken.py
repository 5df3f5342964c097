"""A text as a voice may read it."""

import unicodedata


def to_spoken(text: str) -> str:
    """The same characters, with spaces in the place of control characters: some of them are commands to speech engines."""
    return "".join(char if _is_readable(char) else " " for char in text)


def _is_readable(char: str) -> bool:
    """Controls and private use; what has no meaning yet does no harm."""
    return char in "\n\t" or unicodedata.category(char) not in ("Cc", "Co")
