"""What one page has a model do at the moment, so that its Stop finds it."""

from dataclasses import dataclass
from typing import Any

from modules.core.errors import Conflict
from modules.core.jobs import Job


@dataclass
class Desk:
    """One kind of work of one page: one piece at a time."""

    job: Job | None = None

    def take(self, job: Job) -> None:
        """Conflict while another is there."""
        if self.job is not None:
            raise Conflict("This page is busy with another one; stop it first.")
        self.job = job

    def clear(self) -> None:
        """Also ends it, where it is not over."""
        self.stop()
        self.job = None

    def stop(self) -> None:
        if self.job is not None:
            self.job.cancel()


def desk_of(parts: dict[str, Any], name: str) -> Desk:
    """`parts`: of a page's session."""
    return parts.setdefault(f"desk-{name}", Desk())
