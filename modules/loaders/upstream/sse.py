"""Server-sent events: bytes in, data out."""

from collections.abc import Iterator

from modules.loaders.upstream.faults import garbled

MAX_EVENT_BYTES = 2**26
"""A long prompt with its log-probabilities is one event."""


class EventReader:
    """Fed with bytes, however they are cut. Only `data` counts; comments and other fields are skipped."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []  # pieces of a line without an end yet
        self._rest_size = 0
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of each event that is whole now. Read it to its end before the next call."""
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join([*self._rest, lines[0]])
            self._rest, self._rest_size = [], 0
        self._rest.append(rest)
        self._rest_size += len(rest)
        if self._rest_size > MAX_EVENT_BYTES:
            raise garbled("an event is too long")
        for line in lines:
            yield from self._read(line.removesuffix(b"\r"))

    def finish(self) -> Iterator[bytes]:
        """The last event, where the stream ended without an empty line after it."""
        yield from self._read(b"".join(self._rest).removesuffix(b"\r"))
        self._rest, self._rest_size = [], 0
        yield from self._read(b"")

    def _read(self, line: bytes) -> Iterator[bytes]:
        if not line:
            if self._data:
                yield b"\n".join(self._data)
                self._data, self._size = [], 0
        elif line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            self._size += len(line)
            if self._size > MAX_EVENT_BYTES:
                raise garbled("an event is too long")
