"""Lark grammars on their way to llguidance. Syntax: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
_UNTIL = re.compile(r'^(\w+)\[suffix=("(?:[^"\\]|\\.)*")\]: (.*)$')
_NESTED = "%lark {"
_PIECE = re.compile(
    r"""
    "(?:[^"\\\n]|\\.)*"         # a literal
    | /(?:[^/\\]|\\.)+/         # a regular expression
    | (?://|\#)[^\n]*           # a comment
    | <[^<>\s]+>                # a control token
    | %json(?![\w-])
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"\s*")


def refer_to_control_tokens(text: str, references: Mapping[str, str]) -> str:
    """`references`: marks that are control tokens, each with its `<[id]>`; a literal only ever matches plain text.

    Grammars of callers that are nested in `text` stay as they are.
    """
    if not references:
        return text
    marks = re.compile("|".join(re.escape(m) for m in sorted(references, key=len, reverse=True)))
    lines: list[str] = []
    is_nested = False
    for line in text.split("\n"):
        lines.append(line if is_nested else _refer(line, marks, references))
        is_nested = (is_nested or line.endswith(_NESTED)) and not line.startswith("}")
    return "\n".join(lines)


def _refer(line: str, marks: re.Pattern[str], references: Mapping[str, str]) -> str:
    if "%json" in line:
        return line
    ending = _UNTIL.match(line)
    if ending is not None:
        mark = marks.search(json.loads(ending[2]))
        # No text can run into a control token, so a plain text before it will do.
        return f"{ending[1]}: {ending[3]} {references[mark[0]]}" if mark else line
    return _LITERAL.sub(lambda literal: _split(json.loads(literal[0]), marks, references), line)


def _split(text: str, marks: re.Pattern[str], references: Mapping[str, str]) -> str:
    """A literal as a sequence of plain texts and control tokens."""
    parts: list[str] = []
    at = 0
    for found in marks.finditer(text):
        parts += [json.dumps(text[at : found.start()]), references[found[0]]]
        at = found.end()
    parts.append(json.dumps(text[at:]))
    return " ".join(part for part in parts if part != '""') or '""'


def replace_schemas(text: str, replace: Callable[[Any], Any]) -> str:
    """Every `%json` schema of the grammar, also of nested ones, replaced. ValueError for what is no JSON."""
    decoder = json.JSONDecoder()
    pieces: list[str] = []
    position = 0
    while (found := _PIECE.search(text, position)) is not None:
        pieces.append(text[position : found.end()])
        position = found.end()
        if found[0] == "%json":
            start = _SPACE.match(text, position)
            schema, position = decoder.raw_decode(text, start.end() if start else position)
            pieces.append(" " + json.dumps(replace(schema), allow_nan=False))
    return "".join(pieces) + text[position:]
