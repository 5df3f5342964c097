"""Values of Python and JSON, to JSON: strings as they come, the rest when it is whole."""

import ast
import json
from collections.abc import Callable, Generator
from typing import Any

from modules.text.call_formats.base import NotACall
from modules.text.source import Source, Wait

Write = Callable[[str], None]
VALUE_LIMIT = 100_000
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    "a": "\a",
    "v": "\v",
    "0": "\0",
    "\n": "",
}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}


def copy_python_value(source: Source, write: Write) -> Wait:
    """One value, up to the comma or bracket that ends it."""
    yield from source.skip_space()
    if (yield from source.peek()) in "\"'":
        yield from _copy_text(source, write)
        yield from source.skip_space()
        if (yield from source.peek()) not in ",)":
            raise NotACall
    else:
        write(to_json((yield from _whole_value(source))))


def _copy_text(source: Source, write: Write) -> Wait:
    quote = yield from source.take()
    if (yield from source.is_next(quote * 2)):
        quote *= 3
        if len(quote) == 3 and (yield from source.peek()) in ",)":
            write('""')
            return
    write('"')
    while not (yield from source.is_next(quote)):
        char = yield from source.take()
        if char == "\\":
            char = yield from _escape(source)
        write(json.dumps(char, ensure_ascii=False)[1:-1])
    write('"')


def _escape(source: Source) -> Generator[None, None, str]:
    """What a backslash and the text after it stand for; an unknown one for itself, as in Python."""
    char = yield from source.take()
    if char not in _HEX_DIGITS:
        return _ESCAPES.get(char, char if char in "\\'\"/" else "\\" + char)
    digits = ""
    for _ in range(_HEX_DIGITS[char]):
        digits += yield from source.take()
    try:
        return chr(int(digits, 16))
    except (ValueError, OverflowError):
        raise NotACall from None


def _whole_value(source: Source) -> Generator[None, None, str]:
    text: list[str] = []
    open_: list[str] = []
    while len(text) < VALUE_LIMIT:
        char = yield from source.peek()
        if char in "\"'":
            yield from _copy_quoted(source, text)
            continue
        if not open_ and char in ",)":
            return "".join(text)
        if open_ and char == open_[-1]:
            open_.pop()
        elif char in _CLOSING:
            open_.append(_CLOSING[char])
        text.append((yield from source.take()))
    raise NotACall


def _copy_quoted(source: Source, text: list[str]) -> Wait:
    quote = yield from source.take()
    text.append(quote)
    while True:
        char = yield from source.take()
        text.append(char)
        if char == "\\":
            text.append((yield from source.take()))
        elif char == quote:
            return


def to_json(text: str) -> str:
    """JSON as it is, Python translated; what is neither is a text."""
    text = text.strip()
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return json.dumps(_python_value(text), ensure_ascii=False)
    return text


def _python_value(text: str) -> Any:
    try:
        value = ast.literal_eval(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, SystemError):
        return text  # SystemError: Python 3.11 where two threads parse at once
    return value


def _refuse(constant: str) -> Any:
    """NaN and Infinity are no JSON."""
    raise ValueError(constant)
