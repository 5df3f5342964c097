"""Regular expressions of ECMA-262, as JSON Schema has them, in the dialect of the Rust crate `regex`."""

import re

_QUANTIFIER = re.compile(r"\{\d+(,\d*)?\}")
_BRACED = re.compile(r"\\[pPux]\{\w+\}")
_SURROGATES = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
_EQUAL = {
    # pydantic's pattern of a Decimal; the look-ahead only asks for a digit.
    r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$": r"^[+-]?(\d+\.?\d*|\.\d+)$",
}
"""Patterns with look-around that are met often, and others for the same texts without it."""


def to_rust(pattern: str) -> str:
    """The same texts match. What Rust cannot do, such as look-around, stays as it is and is refused there."""
    return _Translator(_EQUAL.get(pattern, pattern)).translate()


class _Translator:
    def __init__(self, pattern: str) -> None:
        self._pattern = _SURROGATES.sub(_to_scalar, pattern)
        self._position = 0
        self._is_in_class = False

    def translate(self) -> str:
        pieces: list[str] = []
        while self._position < len(self._pattern):
            pieces.append(self._next())
        return "".join(pieces)

    def _next(self) -> str:
        char = self._pattern[self._position]
        if char == "\\":
            braced = _BRACED.match(self._pattern, self._position)
            if braced is not None:
                return self._take(braced[0], len(braced[0]))
            return self._take(self._escape(self._rest(2)), 2)
        if self._is_in_class:
            return self._inside(char)
        if char == "[":
            return self._open()
        if char == "{":
            return self._brace()
        return self._take(char)

    def _rest(self, count: int) -> str:
        return self._pattern[self._position : self._position + count]

    def _take(self, written: str, count: int = 1) -> str:
        self._position += count
        return written

    def _escape(self, pair: str) -> str:
        if pair in (r"\<", r"\>"):  # borders of words in Rust
            return f"\\x{{{ord(pair[1]):x}}}"
        if pair == r"\b" and self._is_in_class:
            return r"\x08"
        if pair == r"\0":
            return r"\x00"
        if pair == r"\c" and self._rest(3)[2:].isalpha() and self._rest(3).isascii():
            self._position += 1
            return f"\\x{ord(self._pattern[self._position + 1]) % 32:02x}"
        return pair

    def _open(self) -> str:
        for empty, same in (("[]", r"[^\s\S]"), ("[^]", r"[\s\S]")):
            if self._pattern.startswith(empty, self._position):
                return self._take(same, len(empty))
        self._is_in_class = True
        start = "[^" if self._rest(2) == "[^" else "["
        self._position += len(start)
        if self._rest(2) == "--":
            return self._take(start + r"\-")
        return start

    def _inside(self, char: str) -> str:
        """In Rust, `[`, `&&`, `~~` and `--` in a class make sets of classes."""
        if char == "]":
            self._is_in_class = False
        elif char == "[" and self._rest(2) != "[:":
            return self._take(r"\[")
        elif char in "&~":
            return self._take("\\" + char)
        elif self._rest(2) == "--":
            return self._take(r"-\-", 2)
        return self._take(char)

    def _brace(self) -> str:
        """A brace that begins no quantifier stands for itself."""
        quantifier = _QUANTIFIER.match(self._pattern, self._position)
        return self._take(quantifier[0], len(quantifier[0])) if quantifier else self._take(r"\{")


def _to_scalar(pair: re.Match[str]) -> str:
    high, low = int(pair[1], 16), int(pair[2], 16)
    return f"\\u{{{0x10000 + ((high & 0x3FF) << 10 | low & 0x3FF):x}}}"
