"""Where texts of control tokens stand in what people and tools say."""

import re
from functools import lru_cache
from typing import Any, cast

_END = ""
"""Marks in the tree that a text may end here; no letter is empty."""


_LONGEST = 200
"""Characters; no published vocabulary has a longer control token."""


@lru_cache(maxsize=8)  # for a model always the same, and some milliseconds each time
def to_control_pattern(texts: frozenset[str]) -> re.Pattern[str] | None:
    """A pattern for runs of these texts, as its one group; the longest text wins. None when there are none.

    A tree of letters, because vocabularies have hundreds of control tokens that begin alike: as plain alternatives each would be tried at
    each `<`.
    """
    tree: dict[str, Any] = {}
    for text in texts:
        node = tree if len(text) <= _LONGEST else {}
        for letter in text:
            node = node.setdefault(letter, {})
        if text:
            node[_END] = {}
    return re.compile(f"((?:{_to_pattern(tree)})+)") if tree else None


def _to_pattern(node: dict[str, Any]) -> str:
    branches = [
        re.escape(letter) + _to_pattern(cast("dict[str, Any]", rest))
        for letter, rest in sorted(node.items())
        if letter != _END
    ]
    if not branches:
        return ""
    pattern = branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
    return f"(?:{pattern})?" if _END in node else pattern
