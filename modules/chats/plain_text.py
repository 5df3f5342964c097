"""Bytes that may be text."""

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b") | {0x7F}


def read_text(data: bytes) -> str | None:
    """UTF-8, or what a byte order mark says, or else Windows-1252, which can read all that is left. None for what is no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _lines(_decoded(data[len(mark) :], encoding))
    if any(byte in _CONTROLS for byte in data[:100_000]) or b"\0" in data:
        return None
    return _lines(_decoded(data, "utf-8") or _decoded(data, "cp1252") or data.decode("latin-1"))


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _lines(text: str | None) -> str | None:
    return None if text is None else text.replace("\r\n", "\n").replace("\r", "\n")
