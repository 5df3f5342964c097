"""Markdown to HTML that is safe to show: blocks, so that a reply that grows is not rendered anew each time."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from modules.ui.chat.code_blocks import LIMIT, render_code
from modules.ui.chat.formulas import formulas
from modules.ui.chat.safe_html import clean_html, depth_of, is_local_source

_URL = re.compile(r"https?://[^\s<>\"'`]+[^\s<>\"'`.,;:!?)\]}*_]")
_TEXT_LIMIT = 2_000_000
_ELSEWHERE = 'target="_blank" rel="noopener noreferrer nofollow"'


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level block of a text: its HTML, and where it begins, in characters."""

    html: str
    start: int


class Renderer:
    """Not for several threads at once. `code_limit`: characters of a block of code that is coloured."""

    def __init__(self, *, code_limit: int = LIMIT) -> None:
        self._md = _reader()
        self._code_limit = code_limit

    def blocks(self, text: str) -> list[Block]:
        source = normal(text[:_TEXT_LIMIT])
        env: dict[str, Any] = {"code_limit": self._code_limit}
        tokens = self._md.parse(source, env)
        starts = _line_starts(source)
        return [
            Block(self._md.renderer.render(group, self._md.options, env), starts[line])
            for line, group in _groups(tokens)
        ]

    def render(self, text: str) -> list[str]:
        """The HTML of each block."""
        return [block.html for block in self.blocks(text)]


class GrowingText:
    """Renders a text that only grows: blocks that cannot change any more are not looked at again."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._settled: list[str] = []
        self._from = 0

    def render(self, text: str) -> list[str]:
        """`text`: all of it. The strings of settled blocks are the same objects each time."""
        blocks = self._renderer.blocks(normal(text)[self._from :])
        # The last block grows; the one before may still become part of it, as a list does with its next number.
        settled = blocks[:-2]
        if settled:
            self._settled.extend(block.html for block in settled)
            self._from += blocks[len(settled)].start
        return [*self._settled, *(block.html for block in blocks[len(settled) :])]


def normal(text: str) -> str:
    """With one kind of line ends; no shorter for a text that grows."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def render_plain(text: str) -> list[str]:
    """As a person typed it: blocks of code are shown as such, and addresses are links; nothing else is special."""
    lines = normal(text[:_TEXT_LIMIT]).split("\n")
    ends = _fence_ends(lines)
    parts: list[str] = []
    begin = at = 0
    while at < len(lines):
        mark, info = _fence_of(lines[at])
        later = ends.get(mark, [])
        found = bisect_right(later, at)
        if mark and found < len(later):
            parts.append(_plain("\n".join(lines[begin:at])))
            language = info.split(maxsplit=1)[0] if info.strip() else ""
            parts.append(render_code("\n".join(lines[at + 1 : later[found]]), language))
            begin = at = later[found] + 1
        else:
            at += 1
    parts.append(_plain("\n".join(lines[begin:])))
    return [part for part in parts if part]


def _fence_of(line: str) -> tuple[str, str]:
    """The mark of a line that begins a block of code, and what follows it; both empty for other lines."""
    mark = line[: len(line) - len(line.lstrip(line[:1]))] if line[:1] in ("`", "~") else ""
    info = line[len(mark) :]
    return (mark, info) if len(mark) >= 3 and "`" not in info else ("", "")


def _fence_ends(lines: Sequence[str]) -> Mapping[str, list[int]]:
    """The lines that may end a block of code, by their marks."""
    ends: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        mark, info = _fence_of(line)
        if mark and not info.strip():
            ends.setdefault(mark, []).append(at)
    return ends


def _plain(text: str) -> str:
    text = text.strip("\n")
    if not text.strip():
        return ""
    parts: list[str] = []
    end = 0
    for found in _URL.finditer(text):
        url = escape(found[0])
        parts.append(escape(text[end : found.start()], quote=False))
        parts.append(f'<a href="{url}" {_ELSEWHERE}>{url}</a>')
        end = found.end()
    parts.append(escape(text[end:], quote=False))
    return f'<div class="plain">{"".join(parts)}</div>'


def _reader() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": True, "breaks": True, "maxNesting": 20})
    md.enable(["table", "strikethrough"])
    md.use(formulas)
    md.core.ruler.push("links", _find_links)
    _add_rules(md)
    return md


def _add_rules(md: MarkdownIt) -> None:
    md.add_render_rule("fence", _fence)
    md.add_render_rule("code_block", _fence)
    md.add_render_rule("html_inline", _html)
    md.add_render_rule("html_block", _html)
    md.add_render_rule("link_open", _link)
    md.add_render_rule("image", _image)
    md.add_render_rule("table_open", lambda *_: '<div class="table"><table>')
    md.add_render_rule("table_close", lambda *_: "</table></div>")


def _fence(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
    return render_code(token.content.rstrip("\n"), language, limit=env["code_limit"])


def _html(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return clean_html(tokens[index].content)


def _link(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    href = escape(str(tokens[index].attrs.get("href", "")))
    return f'<a href="{href}" {_ELSEWHERE}>'


def _image(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Pictures from elsewhere are links: showing one would tell its server that somebody reads this."""
    token = tokens[index]
    source, alt = str(token.attrs.get("src", "")), token.content
    if is_local_source(source):
        return f'<img src="{escape(source)}" alt="{escape(alt)}">'
    href = escape(source)
    name = escape(alt or source)
    return f'<a class="picture-link" href="{href}" {_ELSEWHERE}>{name}</a>'


def _find_links(state: StateCore) -> None:
    """Addresses in plain text."""
    for token in state.tokens:
        if token.type == "inline" and token.children and "://" in token.content:
            token.children = list(_with_links(state, token.children))


def _with_links(state: StateCore, children: Sequence[Token]) -> Iterator[Token]:
    depth = 0
    for child in children:
        depth += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type == "text" and not depth:
            yield from _split_links(state, child)
        else:
            yield child


def _split_links(state: StateCore, token: Token) -> Iterator[Token]:
    end = 0
    for found in _URL.finditer(token.content):
        url = state.md.normalizeLink(found[0])
        if not state.md.validateLink(url):
            continue
        yield _text_token(token.content[end : found.start()])
        yield Token("link_open", "a", 1, attrs={"href": url})
        yield _text_token(found[0])
        yield Token("link_close", "a", -1)
        end = found.end()
    yield _text_token(token.content[end:])


def _text_token(text: str) -> Token:
    return Token("text", "", 0, content=text)


def _groups(tokens: Sequence[Token]) -> Iterator[tuple[int, list[Token]]]:
    """Top-level blocks, each with its first line. HTML that opens a tag takes along all up to where that is closed."""
    group: list[Token] = []
    line = level = html = 0
    for token in tokens:
        if not group:
            line = token.map[0] if token.map else line
        group.append(token)
        level += token.nesting
        if token.type == "html_block":
            html = max(0, html + depth_of(token.content))
        if level == 0 and html == 0:
            yield line, group
            group = []
    if group:
        yield line, group


def _line_starts(source: str) -> list[int]:
    starts = [0]
    starts.extend(found.end() for found in re.finditer("\n", source))
    return starts
