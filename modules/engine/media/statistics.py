"""Counts of one kind of model, for `/metrics` and Retry-After. No text, no names."""

from dataclasses import dataclass, field

from modules.engine.statistics import Histogram

JOB_BUCKETS_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


@dataclass(slots=True)
class MediaStatistics:
    """Belongs to the event loop. `units` is what the kind is counted in: tokens, seconds, characters, pictures."""

    running: int = 0
    waiting: int = 0
    finished: int = 0
    failed: int = 0
    units: float = 0.0
    job: Histogram = field(default_factory=lambda: Histogram(JOB_BUCKETS_S))

    def note_end(self, seconds: float, *, has_failed: bool) -> None:
        self.job.add(seconds)
        if has_failed:
            self.failed += 1
        else:
            self.finished += 1

    @property
    def expected_wait_s(self) -> int:
        """Seconds until what waits now is done, from what jobs took so far; 1 to 60."""
        seconds_per_job = self.job.total / max(1, self.job.count)
        return int(max(1, min(60, seconds_per_job * (self.waiting + self.running))))
