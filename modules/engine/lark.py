"""Lark grammars on their way to llguidance. Syntax: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from modules.engine.schemas.patterns import to_rust

_PIECES = r"""
    "(?:[^"\\\n]|\\.)*"         # a literal
    | /(?:[^/\\]|\\.)+/         # a regular expression
    | (?://|\#)[^\n]*           # a comment
    | <[^<>\s]+>                # a control token
    | %json(?![\w-])
"""
_PIECE = re.compile(_PIECES, re.VERBOSE | re.DOTALL)
_OWN_PIECE = re.compile(
    rf"""
    %lark[ ]\{{\n.*?\n\}}        # a grammar of a caller
    | \[suffix=(?P<suffix>"(?:[^"\\]|\\.)*")\]:[ ](?P<before>[^\n]*)
    | {_PIECES}
    """,
    re.VERBOSE | re.DOTALL,
)
_NOT = re.compile(r"~(?!\s*\d)")
_SPACE = re.compile(r"\s*")
_WRITTEN = {"/": r"\/", "\n": r"\n", "\\\n": r"\n"}
"""What would end a regular expression between slashes."""
_decoder = json.JSONDecoder()


def refer_to_control_tokens(text: str, references: Mapping[str, str]) -> str:
    """`references`: marks that are control tokens, each with its `<[id]>`; a literal only ever matches plain text.

    Schemas, and grammars of callers that are nested in `text`, stay as they are.
    """
    if not references:
        return text
    marks = re.compile("|".join(re.escape(m) for m in sorted(references, key=len, reverse=True)))
    pieces: list[str] = []
    position = 0
    while (found := _OWN_PIECE.search(text, position)) is not None:
        pieces += [text[position : found.start()], _refer(found, marks, references)]
        position = found.end()
        if found[0] == "%json":
            _, end = _read_json(text, position)
            pieces.append(text[position:end])
            position = end
    return "".join(pieces) + text[position:]


def _refer(piece: re.Match[str], marks: re.Pattern[str], references: Mapping[str, str]) -> str:
    if piece["suffix"]:
        mark = marks.search(json.loads(piece["suffix"]))
        # No text can run into a control token, so a plain text before it will do.
        return f": {piece['before']} {references[mark[0]]}" if mark else piece[0]
    if piece[0].startswith('"'):
        return _split(json.loads(piece[0]), marks, references)
    return piece[0]


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
    pieces: list[str] = []
    position = 0
    while (found := _PIECE.search(text, position)) is not None:
        pieces.append(text[position : found.end()])
        position = found.end()
        if found[0] == "%json":
            schema, position = _read_json(text, position)
            pieces.append(" " + json.dumps(replace(schema), ensure_ascii=False, allow_nan=False))
    return "".join(pieces) + text[position:]


def _read_json(text: str, start: int) -> tuple[Any, int]:
    """The value that begins there, and where it ends."""
    space = _SPACE.match(text, start)
    return _decoder.raw_decode(text, space.end() if space else start)


def count_intersections(text: str) -> int:
    """How many patterns a text may have to match, or not to match, at once."""
    bare = _PIECE.sub("", text)
    return max(bare.count("&"), len(_NOT.findall(bare)))


def to_terminal(pattern: str) -> str:
    """A regular expression between slashes."""
    escaped = re.sub(
        r"\\.|[/\n]",
        lambda found: _WRITTEN.get(found[0], found[0]),
        to_rust(pattern),
        flags=re.DOTALL,
    )
    return f"/{escaped}/" if escaped else '""'
