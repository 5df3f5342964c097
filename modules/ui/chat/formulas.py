r"""Formulas in Markdown: `$$..$$`, `\[..\]`, `\(..\)` and `$..$`. Here they are only found and kept from being read as Markdown.

They become elements with the source as their text; the page draws them with KaTeX.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

BLOCK_MARKS = (("$$", "$$"), ("\\[", "\\]"))
INLINE_MARKS = (("$$", "$$", True), ("\\[", "\\]", True), ("\\(", "\\)", False))
LIMIT = 8_000
"""Characters of a formula."""


def formulas(md: MarkdownIt) -> None:
    md.inline.ruler.before("escape", "formula", _inline)
    md.block.ruler.before(
        "fence",
        "formula",
        _block,
        {"alt": ["paragraph", "reference", "blockquote", "list"]},
    )
    md.add_render_rule("formula", _render)
    md.add_render_rule("formula_block", _render)


def _render(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    name, kind = ("div", "display") if token.type == "formula_block" else ("span", token.info)
    return f'<{name} class="formula" data-kind="{kind}">{escape(token.content)}</{name}>'


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A formula that begins a line and whose end is the end of a line."""
    if state.is_code_block(start):
        return False
    first = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    marks = next((pair for pair in BLOCK_MARKS if first.startswith(pair[0])), None)
    if marks is None:
        return False
    found = _lines_until(state, start, end, first[len(marks[0]) :], marks[1])
    if found is None:
        return False
    if silent:
        return True
    content, last = found
    state.line = last + 1
    token = state.push("formula_block", "div", 0)
    token.content, token.block, token.map = content, True, [start, state.line]
    return True


def _lines_until(
    state: StateBlock, start: int, end: int, first: str, closing: str
) -> tuple[str, int] | None:
    """The formula and the number of its last line; None where nothing ends it."""
    begin = state.eMarks[start] - len(first)
    if begin > _last(state, closing):
        return None
    stop = state.src.find(closing, begin, min(state.eMarks[end - 1], begin + LIMIT))
    if stop < 0 or not _is_line_end(state.src, stop + len(closing)):
        return None  # found out without looking at each line: many may begin one that has no end
    lines, line = [first], start
    while closing not in lines[-1]:
        line += 1
        if line >= end or state.sCount[line] < state.blkIndent:
            return None
        lines.append(state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]])
    inside, _, rest = lines[-1].partition(closing)
    content = "\n".join([*lines[:-1], inside]).strip()
    return None if rest.strip() or not content else (content, line)


def _last(state: StateBlock | StateInline, closing: str) -> int:
    """Where the text has it for the last time, looked for once; -1 where it has none."""
    key: Any = ("formula", closing, state.src)
    if key not in state.env:
        state.env[key] = state.src.rfind(closing)
    return state.env[key]


def _is_line_end(source: str, at: int) -> bool:
    stop = source.find("\n", at)
    return not source[at : stop if stop >= 0 else len(source)].strip()


def _inline(state: StateInline, silent: bool) -> bool:
    for opening, closing, is_display in INLINE_MARKS:
        if state.src.startswith(opening, state.pos):
            return _take(state, opening, closing, silent, is_display=is_display)
    if state.src[state.pos] == "$":
        return _take_dollars(state, silent)
    return False


def _take(
    state: StateInline, opening: str, closing: str, silent: bool, *, is_display: bool
) -> bool:
    start = state.pos + len(opening)
    if start > _last(state, closing):
        return False
    stop = state.src.find(closing, start, min(state.posMax, start + LIMIT))
    if stop < 0 or not state.src[start:stop].strip():
        return False
    _push(state, start, stop, len(closing), silent, is_display=is_display)
    return True


def _take_dollars(state: StateInline, silent: bool) -> bool:
    """As pandoc does it: no space inside of the dollars, no digit after them, so that prices are no formulas."""
    source, start = state.src, state.pos + 1
    stop = source.find("$", start, min(state.posMax, start + LIMIT))
    while stop > 0 and source[stop - 1] == "\\":
        stop = source.find("$", stop + 1, min(state.posMax, start + LIMIT))
    inside = source[start:stop] if stop > start else ""
    if not inside or inside[0].isspace() or inside[-1].isspace() or "\n\n" in inside:
        return False
    if stop + 1 < len(source) and source[stop + 1].isalnum():
        return False
    _push(state, start, stop, 1, silent, is_display=False)
    return True


def _push(
    state: StateInline, start: int, stop: int, closing: int, silent: bool, *, is_display: bool
) -> None:
    if not silent:
        token = state.push("formula", "span", 0)
        token.content = state.src[start:stop].strip()
        token.info = "display" if is_display else "inline"
    state.pos = stop + closing
