"""Stop strings over a stream of text pieces of any size."""


class StopMatcher:
    """Holds back any suffix that could still become a stop string.

    `feed` returns the text that is safe to show; once `matched` is set, nothing more is. The stop string
    that is complete first wins, however the text is cut; of those that end together, the longest.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self.matched: str | None = None
        self._stops = tuple(stop for stop in stops if stop)
        self._longest = max(map(len, self._stops), default=0)
        self._pending = ""

    def feed(self, piece: str) -> str:
        if not self._stops:
            return piece
        if self.matched is not None:
            return ""
        self._pending += piece
        hits = [(at + len(s), at, s) for s in self._stops if (at := self._pending.find(s)) >= 0]
        if hits:
            _, at, self.matched = min(hits)
            return self._take(at)
        return self._take(len(self._pending) - self._held())

    def finish(self) -> str:
        return "" if self.matched is not None else self._take(len(self._pending))

    def _take(self, count: int) -> str:
        text, self._pending = self._pending[:count], self._pending[count:]
        return text

    def _held(self) -> int:
        """Length of the longest suffix that a stop string begins with."""
        for size in range(min(self._longest - 1, len(self._pending)), 0, -1):
            if any(stop.startswith(self._pending[-size:]) for stop in self._stops):
                return size
        return 0
