"""Blocks of code: coloured, with their language and a button to copy them."""

from functools import lru_cache
from html import escape
from typing import Any, cast

from pygments import highlight, lexers
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.util import ClassNotFound

LIMIT = 40_000
"""Characters of a block that is coloured; longer ones are plain."""

_OTHER_NAMES = {
    "plaintext": "text",
    "jsonc": "json",
    "vue": "html",
    "svelte": "html",
    "zsh": "bash",
}


def render_code(code: str, language: str, *, limit: int = LIMIT) -> str:
    """`language`: as the writer named it; unknown ones stay plain."""
    name = language.strip().lower()
    lexer = _lexer(name) if len(code) <= limit else None
    inner = escape(code) if lexer is None else _coloured(code, lexer)
    return (
        f'<div class="code"><div class="code-head"><span>{escape(name[:40]) or "text"}</span>'
        f'<button type="button" data-do="copy-code">Copy</button></div><pre><code>{inner}</code></pre></div>'
    )


def _coloured(code: str, lexer: Lexer) -> str:
    formatter = cast("Any", HtmlFormatter)(nowrap=True)
    return highlight(code, lexer, formatter).rstrip("\n")


@lru_cache(maxsize=64)
def _lexer(name: str) -> Lexer | None:
    if not name or len(name) > 40:
        return None
    try:
        return cast(Any, lexers).get_lexer_by_name(_OTHER_NAMES.get(name, name), stripnl=False)
    except ClassNotFound:
        return None
