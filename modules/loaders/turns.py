"""Who is computed next, of requests that cannot be computed together because their LoRA adapters differ."""

from collections.abc import Iterable

from modules.core.requests import Adapters


class Turns:
    """Sets of adapters take turns of at most `steps` steps, and a new one stands behind those that wait: none is ever passed by."""

    def __init__(self, steps: int = 1) -> None:
        self._steps = steps
        self._queue: list[Adapters] = []
        self._left = 0

    def next(self, wanted: Iterable[Adapters], *, can_stay: bool = True) -> Adapters:
        """The one of `wanted` whose turn it is; without any the plain model. `can_stay`: the step before took no long time."""
        wanted = dict.fromkeys(wanted)
        last = self._queue[-1] if self._queue else None
        here = [adapters for adapters in self._queue if adapters in wanted and adapters != last]
        came = [adapters for adapters in wanted if adapters not in self._queue]
        staying = [last] if last is not None and last in wanted else []
        if staying and can_stay and self._left > 0:
            self._left -= 1
            self._queue = [*here, *came, *staying]
            return staying[0]
        self._queue = [*here, *came, *staying]
        if not self._queue:
            return ()
        turn = self._queue.pop(0)
        self._queue.append(turn)
        self._left = self._steps - 1
        return turn
