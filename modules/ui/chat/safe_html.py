"""HTML inside of Markdown: what may stay of it. Everything else is shown as the text that it is.

Replies may hold anything, a prompt injection's picture that reports to some server included; so nothing here names another place.
"""

import re
from collections.abc import Mapping
from html import escape, unescape

TAGS = frozenset(
    [
        "b",
        "strong",
        "i",
        "em",
        "u",
        "s",
        "del",
        "ins",
        "mark",
        "small",
        "sub",
        "sup",
        "kbd",
        "q",
        "abbr",
        "span",
        "br",
        "hr",
        "code",
        "pre",
        "blockquote",
        "p",
        "ul",
        "ol",
        "li",
        "details",
        "summary",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ruby",
        "rt",
        "rp",
        "img",
        "audio",
        "video",
    ]
)
STYLE_LIMIT = 200
"""Characters of a style."""
VOID = frozenset({"br", "hr", "img"})
_FLAGS = frozenset({"open", "controls", "autoplay", "loop", "muted"})
_TEXTS = frozenset(
    {"title", "alt", "colspan", "rowspan", "width", "height", "align", "lang", "dir"}
)

# Nothing here may take longer than the text is long: replies hold whatever a model was talked into.
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)(?=[\s/>])([^<>]*)>")
_ATTRIBUTE = re.compile(
    r"""([a-zA-Z][a-zA-Z0-9-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?"""
)
_LOCAL = re.compile(r"(?:/(?!/)[\w./~-]*)?gradio_api/file=[^\s\"'<>]+")
_DATA = re.compile(r"data:(?:image/(?:png|jpeg|gif|webp)|audio/[\w.+-]+);base64,[A-Za-z0-9+/=]+")
_COLOURS = re.compile(
    r"(?:\s*(?:color|background|background-color)\s*:\s*(?:#[0-9a-fA-F]{3,8}|[a-zA-Z]+|"
    r"(?:rgb|rgba|hsl|hsla)\([\d\s.,%/]+\))\s*;?)+"
)


def clean_html(source: str) -> str:
    """Allowed tags with allowed attributes; comments go, other tags become text."""
    parts: list[str] = []
    end = 0
    source = _without_comments(source)
    for found in _TAG.finditer(source):
        parts.append(_text(source[end : found.start()]))
        parts.append(_tag(found))
        end = found.end()
    parts.append(_text(source[end:]))
    return "".join(parts)


def depth_of(source: str) -> int:
    """How many of the allowed tags are left open; below zero where more are closed than opened."""
    depth = 0
    for found in _TAG.finditer(_without_comments(source)):
        name = found[2].lower()
        if name in TAGS and name not in VOID and not found[3].rstrip().endswith("/"):
            depth += -1 if found[1] else 1
    return depth


def is_local_source(url: str) -> bool:
    """A file that this server serves, or one that is in the page itself."""
    return ".." not in url and bool(_LOCAL.fullmatch(url) or _DATA.fullmatch(url))


def _without_comments(source: str) -> str:
    parts: list[str] = []
    end = 0
    while (start := source.find("<!--", end)) >= 0 and (stop := source.find("-->", start + 4)) >= 0:
        parts.append(source[end:start])
        end = stop + 3
    return "".join([*parts, source[end:]])


def _text(source: str) -> str:
    return escape(unescape(source), quote=False)


def _tag(found: re.Match[str]) -> str:
    name = found[2].lower()
    if name not in TAGS:
        return escape(found[0], quote=False)
    if found[1]:
        return "" if name in VOID else f"</{name}>"
    attributes = _attributes(found[3].rstrip().removesuffix("/"))
    if name in ("img", "audio", "video") and "src" not in attributes:
        return escape(found[0], quote=False)
    return f"<{name}{''.join(_written(key, value) for key, value in attributes.items())}>"


def _attributes(source: str) -> Mapping[str, str | None]:
    kept: dict[str, str | None] = {}
    for found in _ATTRIBUTE.finditer(source):
        name = found[1].lower()
        value = next((unescape(each) for each in found.groups()[1:] if each is not None), None)
        if name in _FLAGS:
            kept[name] = None
        elif value is not None and _is_fine(name, value):
            kept[name] = value
    return kept


def _is_fine(name: str, value: str) -> bool:
    if name == "src":
        return is_local_source(value)
    if name == "style":
        return len(value) <= STYLE_LIMIT and _COLOURS.fullmatch(value) is not None
    return name in _TEXTS


def _written(name: str, value: str | None) -> str:
    return f" {name}" if value is None else f' {name}="{escape(value)}"'
