"""Counts of one engine, for `/metrics`, `/health` and Retry-After. No text, no names."""

from collections.abc import Callable
from dataclasses import dataclass, field

from modules.core.events import Usage

TTFT_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
STEP_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


@dataclass(slots=True)
class Histogram:
    """Counts per upper bound in seconds; the last bucket has no bound."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list[int])
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        self.total += seconds
        for index, bound in enumerate(self.bounds):
            if seconds <= bound:
                self.counts[index] += 1
                return
        self.counts[-1] += 1

    @property
    def count(self) -> int:
        return sum(self.counts)


@dataclass(slots=True)
class EngineStatistics:
    """Written by the engine's thread, read by others: every field is replaced whole. `listener` hears of every end, in that thread."""

    slots: int
    running: int = 0
    waiting: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    finished: int = 0
    ttft: Histogram = field(default_factory=lambda: Histogram(TTFT_BUCKETS_S))
    step: Histogram = field(default_factory=lambda: Histogram(STEP_BUCKETS_S))
    listener: Callable[[Usage], None] | None = None
    sampled_tokens: int = 0
    """Also those of replies that have not ended; in this process only."""

    def forget(self) -> None:
        """All counts begin anew."""
        self.prompt_tokens = self.cached_tokens = self.completion_tokens = self.finished = 0
        self.ttft, self.step = Histogram(TTFT_BUCKETS_S), Histogram(STEP_BUCKETS_S)
        self.sampled_tokens = 0

    def note_load(self, running: int, waiting: int) -> None:
        self.running, self.waiting = running, waiting

    def note_step(self, seconds: float, sampled: int) -> None:
        self.step.add(seconds)
        self.sampled_tokens += sampled

    def note_first_token(self, seconds: float) -> None:
        self.ttft.add(seconds)

    def note_end(self, usage: Usage) -> None:
        self.finished += 1
        self.prompt_tokens += usage.prompt_tokens
        self.cached_tokens += usage.cached_tokens
        self.completion_tokens += usage.completion_tokens
        if self.listener is not None:
            self.listener(usage)

    def expected_wait_s(self, queued: int) -> int:
        """Seconds until a queue of this length is gone, from what replies took so far; 1 to 60."""
        if not self.finished:
            return 1
        seconds_per_reply = self.step.total / self.finished
        return int(max(1, min(60, seconds_per_reply * queued / max(1, self.slots))))
