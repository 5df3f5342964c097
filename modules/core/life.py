"""How a face of the program asks it to end, or to begin anew."""

from collections.abc import Callable


class Life:
    """Belongs to the event loop. `serve` sets `on_end`; `will_restart` is read by `server.py` when all has ended."""

    def __init__(self) -> None:
        self.will_restart = False
        self.on_end: Callable[[], None] | None = None

    @property
    def can_end(self) -> bool:
        """Whether there is something to end yet."""
        return self.on_end is not None

    def end(self, *, restart: bool = False) -> None:
        """Returns at once: services stop, models are freed, and the process ends; `restart`: the same command line runs again in its place."""
        if self.on_end is None:
            return
        self.will_restart = restart
        self.on_end()
