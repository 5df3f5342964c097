"""Some values of a JSON object, read while its bytes come in: a large body is neither kept nor parsed for them."""

import json
import re
from collections.abc import Iterable

from starlette.exceptions import HTTPException

MAX_TEXT_BYTES = 1024
"""Of a key or a value, as it is written: what is longer is none that is looked for."""
MAX_STEPS = 500_000
"""Strings, brackets and commas that are looked at one by one. What the reading of a body costs grows with them, not with its bytes."""
_STRING = rb'(?:[^"\\]++|\\.)*+'
_REST_OF_STRING = re.compile(_STRING, re.DOTALL)
_TO_MARK_AT_TOP = re.compile(rb'[^"{}\[\],:]*+')
_TO_MARK_BELOW = re.compile(rb'(?:[^"{}\[\]]++|"' + _STRING + rb'")*+', re.DOTALL)
_QUOTE = ord('"')
_HEAD = 4
"""Bytes that tell the encoding."""


class UnclearBody(HTTPException):
    """The body is none that is read in one way only."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message)


class TopLevelStrings:
    """The strings that the outermost object has under `keys`. `found`: key and value, as often as they are there.

    `json.loads` takes the last of a key that comes twice, other parsers the first: here all are found. Values that are no strings are left out.
    UnclearBody, in `feed`, for text that is not UTF-8, and for strings that are no JSON.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = frozenset(keys)
        self.found: list[tuple[str, str]] = []
        self._seen = 0
        self._steps = 0
        self._depth = 0
        self._is_object = False
        self._is_string = False
        self._is_escaped = False
        self._is_key_next = False
        self._key = ""
        self._text: bytearray | None = None

    def feed(self, data: bytes) -> None:
        self._check_encoding(data)
        position = 0
        while position < len(data):
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise UnclearBody("The body has too many parts.")
            read = self._read_string if self._is_string else self._read_structure
            position = read(data, position)

    def _check_encoding(self, data: bytes) -> None:
        """`json.loads` takes UTF-16 and UTF-32 too, and knows them by these bytes."""
        if self._seen >= _HEAD or not data:
            return
        has_mark = self._seen == 0 and data[0] in (0xFE, 0xFF)
        if has_mark or 0 in data[: _HEAD - self._seen]:
            raise UnclearBody("The body is not UTF-8.")
        self._seen += len(data)

    def _read_structure(self, data: bytes, position: int) -> int:
        """To behind the next mark, or to the end."""
        skipped = _TO_MARK_AT_TOP if self._depth <= 1 else _TO_MARK_BELOW
        position = skipped.match(data, position).end()  # pyright: ignore[reportOptionalMemberAccess] - it may be empty
        mark = data[position : position + 1]
        if mark == b'"':
            self._begin_string()
        elif mark in (b"{", b"["):
            self._depth += 1
            if self._depth == 1:
                self._is_object = self._is_key_next = mark == b"{"
        elif mark in (b"}", b"]"):
            self._depth -= 1
        elif mark and self._depth == 1:
            self._is_key_next = self._is_object and mark == b","
        return position + len(mark)

    def _begin_string(self) -> None:
        self._is_string = True
        is_wanted = self._is_key_next or self._key in self._keys
        self._text = bytearray() if self._depth == 1 and self._is_object and is_wanted else None

    def _read_string(self, data: bytes, position: int) -> int:
        """To behind its end, or to the end of the data, which may come between a backslash and what it stands before."""
        if self._is_escaped:
            self._is_escaped = False
            self._take(data[position : position + 1])
            return position + 1
        end = _REST_OF_STRING.match(data, position).end()  # pyright: ignore[reportOptionalMemberAccess]
        self._take(data[position:end])
        if end == len(data):
            return end
        if data[end] == _QUOTE:
            self._end_string()
        else:
            self._is_escaped = True
            self._take(b"\\")
        return end + 1

    def _take(self, part: bytes) -> None:
        if self._text is not None and len(self._text) <= MAX_TEXT_BYTES:
            self._text += part

    def _end_string(self) -> None:
        self._is_string = False
        if self._text is None:
            return
        is_key = self._is_key_next
        text = "" if len(self._text) > MAX_TEXT_BYTES and is_key else _decode(self._text)
        if is_key:
            self._key = text
        else:
            self.found.append((self._key, text))


def _decode(text: bytearray) -> str:
    try:
        return json.loads(f'"{text.decode(errors="surrogatepass")}"')
    except ValueError:  # of JSON and of UTF-8
        raise UnclearBody("The body is no JSON.") from None
