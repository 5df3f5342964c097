"""Bytes on their way from a worker's thread to a client that may be slow."""

import threading
from tempfile import SpooledTemporaryFile

IN_MEMORY_BYTES = 2**20
PIECE_BYTES = 2**16


class Tape:
    """Written at its end, read at its beginning, from two threads. What is long waits in a temporary file, not in memory.

    `written`: bytes so far, also those that were read already.
    """

    def __init__(self) -> None:
        self.written = 0
        self._lock = threading.Lock()
        self._file = SpooledTemporaryFile[bytes](max_size=IN_MEMORY_BYTES)
        self._end = 0
        self._start = 0

    def write(self, data: bytes) -> None:
        with self._lock:
            self._file.seek(self._end)
            self._file.write(data)
            self._end += len(data)
            self.written += len(data)

    def read(self) -> bytes:
        """At most PIECE_BYTES; empty where nothing new is there."""
        with self._lock:
            self._file.seek(self._start)
            data = self._file.read(min(PIECE_BYTES, self._end - self._start))
            self._start += len(data)
            if self._start == self._end:  # begin anew, so that a client that keeps up needs no room
                self._start = self._end = 0
            return data

    def close(self) -> None:
        with self._lock:
            self._file.close()
