"""A value that is worth remembering for a moment."""

from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_AGE_S = 1.0


class Recent(Generic[T]):
    """Threads may share this: what it holds is replaced whole."""

    def __init__(
        self, max_age_s: float = MAX_AGE_S, clock: Callable[[], float] = monotonic
    ) -> None:
        self._max_age_s = max_age_s
        self._clock = clock
        self._kept: tuple[float, T] | None = None

    def get(self, max_age_s: float | None = None) -> T | None:
        """None where nothing was kept, or too long ago: before `max_age_s`, or what this one usually allows."""
        kept = self._kept
        oldest = self._max_age_s if max_age_s is None else max_age_s
        if kept is None or self._clock() - kept[0] >= oldest:
            return None
        return kept[1]

    def keep(self, value: T) -> T:
        self._kept = (self._clock(), value)
        return value
