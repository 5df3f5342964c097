"""How far a download is."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from modules.downloads.remote import RemoteFile

FileState = Literal["waiting", "downloading", "verifying", "done"]
SPEED_WINDOW_S = 10.0


@dataclass(slots=True, eq=False)
class FileProgress:
    """`name`: where it will be. `done`: bytes that are here."""

    file: RemoteFile
    name: str
    done: int = 0
    state: FileState = "waiting"


@dataclass(slots=True)
class Speed:
    """Bytes per second over the last seconds."""

    _notes: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])

    def note(self, count: int) -> None:
        now = time.monotonic()
        if self._notes and now - self._notes[-1][0] < 0.2:
            began, before = self._notes.pop()
            self._notes.append((began, before + count))
        else:
            self._notes.append((now, count))
        self._forget(now)

    def bytes_per_second(self) -> float:
        now = time.monotonic()
        self._forget(now)
        if not self._notes:
            return 0.0
        return sum(count for _, count in self._notes) / max(now - self._notes[0][0], 0.2)

    def _forget(self, now: float) -> None:
        while self._notes and now - self._notes[0][0] > SPEED_WINDOW_S:
            self._notes.popleft()
