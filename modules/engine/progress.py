"""A load that is under way."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class LoadProgress:
    """`progress` from 0 to 1; where a library does not say, it stays 0.

    `is_given_up`: the process ends. `is_cancelled`: somebody does not want it any more.
    """

    name: str
    progress: float = 0.0
    started: float = field(default_factory=time.monotonic)
    is_given_up: bool = False
    is_cancelled: bool = False

    @property
    def is_wanted(self) -> bool:
        return not (self.is_given_up or self.is_cancelled)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started
