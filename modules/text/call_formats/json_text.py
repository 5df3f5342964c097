"""JSON that arrives in pieces: values are copied as they come, strings decoded as they come."""

import json
from collections.abc import Callable, Generator

from modules.text.call_formats.base import NAME_LIMIT, NotACall, PartSink
from modules.text.source import Source, Wait

Write = Callable[[str], None]
EARLY_LIMIT = 16_384
"""Characters of arguments that may come before the name."""
MAX_KEYS = 64
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def copy_value(source: Source, write: Write) -> Wait:
    """One JSON value as it stands. Where brackets and quotes end decides; what is inside is the writer's affair."""
    yield from source.skip_space()
    first = yield from source.peek()
    if first == '"':
        yield from _copy_string(source, write)
    elif first in "{[":
        yield from _copy_nested(source, write)
    else:
        yield from _copy_plain(source, write)


def comes_object(source: Source) -> Generator[None, None, bool]:
    """Whether a JSON object follows, after white space."""
    yield from source.skip_space()
    return (yield from source.peek()) == "{"


def _copy_string(source: Source, write: Write) -> Wait:
    write((yield from source.take()))
    while True:
        char = yield from source.take()
        # Weak models break the line inside of a string, which JSON does not allow.
        write(char if char >= " " else json.dumps(char)[1:-1])
        if char == "\\":
            write((yield from source.take()))
        elif char == '"':
            return


def _copy_nested(source: Source, write: Write) -> Wait:
    depth = 0
    while True:
        char = yield from source.peek()
        if char == '"':
            yield from _copy_string(source, write)
            continue
        if char.isalpha():
            word = yield from _word(source)
            write(_PYTHON_WORDS.get(word, word))
            continue
        write((yield from source.take()))
        if char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth == 0:
                return


def _word(source: Source) -> Generator[None, None, str]:
    letters: list[str] = []
    while len(letters) < NAME_LIMIT and (yield from source.peek()).isalpha():
        letters.append((yield from source.take()))
    return "".join(letters)


def _copy_plain(source: Source, write: Write) -> Wait:
    """A number, true, false or null; anything else is no JSON."""
    for _ in range(NAME_LIMIT):
        char = yield from source.peek()
        if char in ",}] \n\r\t":
            return
        if not (char.isalnum() or char in "+-."):
            raise NotACall
        write((yield from source.take()))
    raise NotACall


def read_string(source: Source, limit: int = NAME_LIMIT) -> Generator[None, None, str]:
    """A JSON string, decoded."""
    pieces: list[str] = []
    if (yield from source.peek()) != '"':
        raise NotACall
    yield from _copy_string(source, _bounded(pieces.append, limit))
    try:
        return str(json.loads("".join(pieces), strict=False))
    except ValueError:
        raise NotACall from None


def _bounded(write: Write, limit: int) -> Write:
    left = limit

    def take(text: str) -> None:
        nonlocal left
        left -= len(text)
        if left < 0:
            raise NotACall
        write(text)

    return take


def decode_string(source: Source, write: Write) -> Wait:
    """The rest of a JSON string, decoded as it comes: arguments that were encoded twice."""
    while True:
        char = yield from source.take()
        if char == '"':
            return
        if char != "\\":
            write(char)
            continue
        char = yield from source.take()
        write((yield from _unicode(source)) if char == "u" else _ESCAPES.get(char, char))


def _unicode(source: Source) -> Generator[None, None, str]:
    code = yield from _hex(source)
    if 0xD800 <= code < 0xDC00 and (yield from source.is_next("\\u")):
        low = yield from _hex(source)
        if 0xDC00 <= low < 0xE000:
            return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
        return "\ufffd"
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)


def _hex(source: Source) -> Generator[None, None, int]:
    digits = ""
    for _ in range(4):
        digits += yield from source.take()
    try:
        return int(digits, 16)
    except ValueError:
        return 0xFFFD


def read_call(
    source: Source, sink: PartSink, name_keys: tuple[str, ...], argument_keys: tuple[str, ...]
) -> Wait:
    """An object with a name and arguments, in either order; other keys are skipped."""
    if (yield from source.take()) != "{":
        raise NotACall
    call = _Call(sink)
    for _ in range(MAX_KEYS):
        yield from source.skip_space()
        char = yield from source.take()
        if char == "}":
            call.end()
            return
        if char == '"':
            key = yield from _key(source)
            if key in name_keys and not call.name:
                call.take_name((yield from read_string(source)))
            elif key in argument_keys and not call.has_arguments:
                yield from _arguments(source, call)
                call.note_arguments()
            else:
                yield from copy_value(source, _nowhere)
        elif char != ",":
            raise NotACall
    raise NotACall


class _Call:
    """One object on its way to a call; arguments that come before the name wait for it."""

    def __init__(self, sink: PartSink) -> None:
        self.name = ""
        self.has_arguments = False
        self._sink = sink
        self._early: list[str] = []

    def take_name(self, name: str) -> None:
        self.name = name
        if self.has_arguments:
            self._sink.start(name)
            self._sink.arguments("".join(self._early))
            self._sink.note_whole()

    def begin_arguments(self) -> Write:
        self.has_arguments = True
        if not self.name:
            return _bounded(self._early.append, EARLY_LIMIT)
        self._sink.start(self.name)
        return self._sink.arguments

    def note_arguments(self) -> None:
        if self.name:
            self._sink.note_whole()

    def end(self) -> None:
        if not self.name:
            raise NotACall
        if not self.has_arguments:
            self._sink.start(self.name)
            self._sink.arguments("{}")
        self._sink.end()


def _key(source: Source) -> Generator[None, None, str]:
    """The rest of a key whose quote was taken, and the colon."""
    pieces: list[str] = []
    for _ in range(NAME_LIMIT):
        char = yield from source.take()
        if char == '"':
            break
        pieces.append(char)
    else:
        raise NotACall
    yield from source.skip_space()
    if (yield from source.take()) != ":":
        raise NotACall
    yield from source.skip_space()
    return "".join(pieces)


def _arguments(source: Source, call: _Call) -> Wait:
    """An object, or the text of one; nothing, null and an empty text stand for an empty one."""
    first = yield from source.peek()
    if first == "{":
        yield from copy_value(source, call.begin_arguments())
    elif first == '"':
        yield from _encoded_arguments(source, call)
    elif not (yield from source.is_next("null")):
        raise NotACall


def _encoded_arguments(source: Source, call: _Call) -> Wait:
    yield from source.take()
    yield from source.skip_space()
    first = yield from source.peek()
    if first == "{":
        yield from decode_string(source, call.begin_arguments())
    elif first == '"':
        yield from source.take()
    else:
        raise NotACall


def _nowhere(_: str) -> None:
    pass
