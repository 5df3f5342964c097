"""What the training does when: its progress, its learning rate, its mixture of samples."""

import math
import time
from collections.abc import Callable

# From the number of finished steps to the share of the training that is done.
Progress = Callable[[int], float]


def progress_by_clock(minutes: float, start: float) -> Progress:
    """Follows the clock, which starts now: a slow machine makes fewer steps, not a longer run.

    `minutes` is the length of the whole schedule; the part before `start` (0 to 1) is skipped.
    """
    begin = time.monotonic()
    return lambda step: start + (time.monotonic() - begin) / (minutes * 60)


def progress_by_steps(steps: int, start: float) -> Progress:
    """Follows the steps: the same on every machine."""
    return lambda step: start + step / steps


def copying_share(progress: float) -> float:
    """First mostly copying, which everything else needs, then mostly conversation."""
    if progress < 0.06:
        return 0.7
    if progress < 0.15:
        return 0.4
    return 0.15 if progress < 0.4 else 0.06


def is_late(progress: float) -> bool:
    """Whether to draw more of what is slowest to learn."""
    return progress > 0.6


def learning_rate_factor(progress: float, step: int) -> float:
    """50 steps of warm-up, flat up to 40 %, then a cosine down to 1 %."""
    warm_up = min(1.0, (step + 1) / 50)
    if progress < 0.4:
        return warm_up
    return warm_up * max(0.01, 0.5 + 0.5 * math.cos(math.pi * (progress - 0.4) / 0.6))
