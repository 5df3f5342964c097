"""One piece of work that a worker's thread does: how far it is, and how it is given up."""

from dataclasses import dataclass, field
from time import monotonic

from modules.core.errors import Cancelled


@dataclass(slots=True, eq=False)
class Job:
    """Shared by the event loop and a worker's thread: every field is replaced whole.

    `stop_id` names the job for `stop`; `done` of `total` steps are behind it (0 of 0 where nobody counts).
    """

    stop_id: str = ""
    done: int = 0
    total: int = 0
    submitted: float = field(default_factory=monotonic)
    started: float = 0.0
    is_running: bool = False
    is_cancelled: bool = False

    def cancel(self) -> None:
        """From any thread; the work ends at its next `check`."""
        self.is_cancelled = True

    def check(self) -> None:
        """Cancelled when nobody waits for this any more, or somebody stopped it. Call it between steps."""
        if self.is_cancelled:
            raise Cancelled("This was stopped before it was done.")

    def note(self, done: int, total: int) -> None:
        """Say how far it is, and `check`."""
        self.done, self.total = done, total
        self.check()
