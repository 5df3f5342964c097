"""Lark rules in the making. Syntax: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

JSON_WHITESPACE = r"[ ]?|\n[ \t]{0,40}"
"""Between the parts of JSON: a space, or a line break with its indent. With more a weak model goes on for ever."""

SPACE = r"/[ \n]{0,4}/"
"""Between the parts of a call, where models differ."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Lark for one or more calls: the mark that begins them, empty where there is none, and the expression after it."""

    trigger: str
    rest: str

    @property
    def whole(self) -> str:
        return f"{quoted(self.trigger)} {self.rest}" if self.trigger else self.rest


class Rules:
    """Named rules; `text` is the grammar. Names never clash, since each kind is numbered."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._count = 0

    @property
    def text(self) -> str:
        return "%llguidance {}\n" + "\n".join(self._lines) + "\n"

    def add(self, kind: str, expression: str) -> str:
        """A new rule; its name."""
        name = f"{kind}_{self._count}"
        self._count += 1
        self._lines.append(f"{name}: {expression}")
        return name

    def terminal(self, kind: str, expression: str) -> str:
        return self.add(kind.upper(), expression)

    def until(self, kind: str, mark: str, excluded: Sequence[str] = ()) -> str:
        """Any text up to the mark, and the mark. `excluded`: marks that may not be in it besides.

        A plain text and then the mark would not do: the lexer is greedy, and takes the beginning of the mark for text.
        """
        text = self.terminal(kind, without((*excluded, mark)))
        name = f"{kind}_{self._count}"
        self._count += 1
        self._lines.append(f"{name}[suffix={quoted(mark)}]: {text}")
        return name

    def in_order(self, needed: Sequence[str], optional: Sequence[str], comma: str) -> str:
        """All that are needed, then any of the others, each in its order, with commas between; empty when there are none."""
        if needed:
            more = "".join(f" ({comma} {each})?" for each in optional)
            return f" {comma} ".join(needed) + more
        rest = ""
        for each in reversed(optional):
            tail = f" ({comma} {rest})?" if rest else ""
            rest = self.add("some", f"{each}{tail}" + (f" | {rest}" if rest else ""))
        return f"{rest}?" if rest else ""

    def name_as(self, name: str, expression: str) -> None:
        self._lines.append(f"{name}: {expression}")

    def schema(self, schema: Any) -> str:
        """JSON that satisfies the schema."""
        if isinstance(schema, dict):
            options = {"x-guidance": {"whitespace_pattern": JSON_WHITESPACE}}
            schema = options | cast("dict[str, Any]", schema)
        return self.add("json", f"%json {json.dumps(schema)}")


def quoted(text: str) -> str:
    """A literal."""
    return json.dumps(text, ensure_ascii=False)


def literal(text: str) -> str:
    """A literal, each tag in it by itself, since a tag may be a control token."""
    return joined(quoted(piece) for piece in _TAG.split(text))


def tags_in(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag for text in texts for tag in _TAG.findall(text)))


_TAG = re.compile(r"""(<[^<>\s=]+>|\[/?[A-Z_]+\])""")


def joined(parts: Iterable[str]) -> str:
    return " ".join(part for part in parts if part and part != '""')


def one_of(expressions: Sequence[str]) -> str:
    return "(" + " | ".join(expressions) + ")"


def without(marks: Sequence[str]) -> str:
    """A terminal's expression: any text that has none of the marks in it."""
    if not marks:
        return "/(?s:.*)/"
    listed = "|".join(map(escaped, marks))
    return f"/(?s:.*)/ & ~/(?s:.*)({listed})(?s:.*)/"


def escaped(text: str) -> str:
    """For a regular expression between slashes."""
    return "".join(_ESCAPED.get(char, char) for char in text)


_ESCAPED = {char: f"\\{char}" for char in "\\.+*?()|[]{}^$/"} | {"\n": "\\n"}
