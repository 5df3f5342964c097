"""Loads that failed a moment ago: asked for again at once by every client that names the model, they would fail again."""

import time
from dataclasses import dataclass, field
from typing import Protocol

from modules.core.errors import NotReady

FAILURE_HOLDS_S = 30


class Installed(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def created(self) -> int:
        """Seconds since 1970 of the last change of its files."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    reason: str
    file_changed: int
    at: float = field(default_factory=time.monotonic)

    def holds_for(self, model: Installed) -> bool:
        is_recent = time.monotonic() - self.at < FAILURE_HOLDS_S
        return is_recent and model.created == self.file_changed

    def as_error(self, model: Installed) -> NotReady:
        return NotReady(
            f"{model.name} could not be loaded: {self.reason}",
            retry_after_s=FAILURE_HOLDS_S,
            code="model_load_failed",
        )
