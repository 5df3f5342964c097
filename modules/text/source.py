"""Text that arrives in pieces, for parsers written as coroutines.

A parser is a generator that yields whenever it needs more text: `char = yield from source.peek()`. So it reads like a parser of a whole
text, and each character is looked at once however the text is cut.
"""

import re
from collections.abc import Generator, Sequence

Wait = Generator[None, None, None]
"""Yields while it waits for text."""


class Ended(Exception):
    """The text is over, in the middle of something."""


class Source:
    """`position` counts the characters that were taken, from the beginning of all text."""

    def __init__(self) -> None:
        self._buffer = ""
        self._at = 0
        self._before = 0  # characters that left the buffer
        self._is_closed = False
        self._kept: list[str] | None = None  # what was taken since `keep` and has left the buffer
        self._kept_from = 0  # where the rest of it begins in the buffer
        self._patterns: dict[tuple[str, ...], re.Pattern[str]] = {}

    @property
    def position(self) -> int:
        return self._before + self._at

    def push(self, text: str) -> None:
        if self._kept is not None:
            self._kept.append(self._buffer[self._kept_from : self._at])
            self._kept_from = 0
        self._buffer = self._buffer[self._at :] + text
        self._before += self._at
        self._at = 0

    def close(self) -> None:
        """No more text comes; who waits for some meets Ended."""
        self._is_closed = True

    def keep(self) -> None:
        """Remember this place for `rewind`."""
        self._kept = []
        self._kept_from = self._at

    @property
    def is_kept(self) -> bool:
        return self._kept is not None

    def release(self) -> None:
        self._kept = None

    def rewind(self, at_most: int | None = None) -> str:
        """Back to the kept place; where that is more than `at_most` characters back, back to the last character only.

        What stays taken is returned.
        """
        pieces, self._kept = self._kept or [], None
        taken = "".join(pieces) + self._buffer[self._kept_from : self._at]
        back = taken if at_most is None or len(taken) <= at_most else taken[-1]
        if len(back) <= self._at:
            self._at -= len(back)
        else:  # some of it has left the buffer
            self._before = self.position - len(back)
            self._buffer, self._at = back + self._buffer[self._at :], 0
        return taken[: len(taken) - len(back)]

    def peek(self) -> Generator[None, None, str]:
        """The next character, which stays."""
        while self._at >= len(self._buffer):
            if self._is_closed:
                raise Ended
            yield
        return self._buffer[self._at]

    def take(self) -> Generator[None, None, str]:
        char = yield from self.peek()
        self._at += 1
        return char

    def skip_space(self, limit: int = 1024) -> Wait:
        """Whitespace, at most `limit` characters of it."""
        for _ in range(limit):
            if not (yield from self.peek()).isspace():
                return
            self._at += 1

    def is_next(self, text: str) -> Generator[None, None, bool]:
        """Whether `text` stands here; it is taken when it does. At the end of all text the answer is no."""
        while True:
            there = self._buffer[self._at : self._at + len(text)]
            if there == text:
                self._at += len(text)
                return True
            if not text.startswith(there) or self._is_closed:
                return False
            yield

    def next_of(self, texts: Sequence[str]) -> Generator[None, None, str | None]:
        """The one of these texts that stands here, taken; the longest where several do."""
        for text in sorted(texts, key=len, reverse=True):
            if (yield from self.is_next(text)):
                return text
        return None

    def ready(self, marks: Sequence[str], *, is_cut: bool = False) -> tuple[str, str | None]:
        """Text that is here before the first of the marks, and that mark if it is here; both are taken.

        The longer of two marks at one place wins. A beginning of a mark at the end is not given out yet; at the end of all text
        it is, unless `is_cut`: then it is taken for a mark that was cut off, and dropped.
        """
        found = self._pattern(marks).search(self._buffer, self._at) if marks else None
        if found is not None:
            at, mark = found.start(), found[0]
            longer = any(
                other != mark
                and other.startswith(mark)
                and other.startswith(self._buffer[at:])
                and not self._is_closed
                for other in marks
            )
            if longer:  # `<a` is here, `<ab` may be coming
                return self._give(at), None
            text = self._give(at)
            self._at += len(mark)
            return text, mark
        gives_all = self._is_closed and not is_cut
        text = self._give(len(self._buffer) - (0 if gives_all else self._held(marks)))
        if self._is_closed:
            self._at = len(self._buffer)
        return text, None

    @property
    def is_over(self) -> bool:
        return self._is_closed and self._at >= len(self._buffer)

    def _pattern(self, marks: Sequence[str]) -> re.Pattern[str]:
        """Finds the first mark; several searches would each go to the end of the text."""
        key = tuple(marks)
        if key not in self._patterns:
            longest_first = sorted(filter(None, marks), key=len, reverse=True)
            self._patterns[key] = re.compile("|".join(map(re.escape, longest_first)))
        return self._patterns[key]

    def _give(self, end: int) -> str:
        text = self._buffer[self._at : end]
        self._at = end
        return text

    def _held(self, marks: Sequence[str]) -> int:
        """Length of the longest end of the buffer that a mark begins with."""
        left = len(self._buffer) - self._at
        for size in range(min(max(map(len, marks), default=1) - 1, left), 0, -1):
            tail = self._buffer[-size:]
            if any(mark.startswith(tail) for mark in marks):
                return size
        return 0


def until(
    source: Source, marks: Sequence[str], *, limit: int
) -> Generator[None, None, tuple[str, str]]:
    """All text up to the first mark, and the mark. ValueError past `limit` characters; Ended when none comes."""
    pieces: list[str] = []
    size = 0
    while True:
        text, mark = source.ready(marks)
        pieces.append(text)
        size += len(text)
        if size > limit:
            raise ValueError("too long")
        if mark is not None:
            return "".join(pieces), mark
        if source.is_over:
            raise Ended
        yield
