# pyright: basic
"""Long recordings in stretches that Whisper hears at once, cut where it is quietest. Pure functions over samples."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

LONGEST_S = 30.0
SHORTEST_S = 15.0
"""Where there is no long pause, a cut is looked for from here to `LONGEST_S`."""
FRAME_S = 0.02
PAUSE_S = 0.3
"""How long it should be quiet around such a cut."""
LONG_PAUSE_S = 5.0
"""Whisper wants speech in the first second. More windows take more time, so not every pause ends one."""
LEAD_S = 0.2
"""What is left of a pause before the next sound."""
SILENCE = 3.0
"""Loudness (root mean square, of 32768) of what is no sound at all, but the noise of the last bits."""
QUIET_SHARE = 0.02
"""Of the loudest: a pause is below this, if it is more than `SILENCE`."""

_LONGEST, _SHORTEST = round(LONGEST_S / FRAME_S), round(SHORTEST_S / FRAME_S)
_PAUSE, _LONG_PAUSE, _LEAD = (
    round(PAUSE_S / FRAME_S),
    round(LONG_PAUSE_S / FRAME_S),
    round(LEAD_S / FRAME_S),
)
_FRAMES_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end` in samples. `goes_on`: it was cut from the one before without a long pause."""

    start: int
    end: int
    goes_on: bool = False


def find_windows(samples: Any, rate: int) -> list[Window]:
    """What there is to hear, in order; silence between them is left out.

    A recording that is short enough is one window as it is, or none where it is silent.
    """
    frame = round(FRAME_S * rate)
    loudness = _loudness(samples, frame)
    if not (loudness > SILENCE).any():
        return []
    if len(samples) <= LONGEST_S * rate:
        return [Window(0, len(samples))]
    return [
        Window(first * frame, min(end * frame, len(samples)), goes_on)
        for first, end, goes_on in _cut(loudness)
    ]


def _loudness(samples: Any, frame: int) -> Any:
    """Root mean square of each frame; the last one is filled up with silence."""
    count = -(-len(samples) // frame)
    loudness = np.zeros(count)
    for first in range(
        0, count, _FRAMES_AT_ONCE
    ):  # squares of all at once would take eight times the memory
        part = samples[first * frame : (first + _FRAMES_AT_ONCE) * frame].astype(np.float64)
        part = np.pad(part, (0, -len(part) % frame)).reshape(-1, frame)
        loudness[first : first + len(part)] = np.sqrt((part**2).mean(axis=1))
    return loudness


def _cut(loudness: Any) -> Iterator[tuple[int, int, bool]]:
    """First and last frame (the latter not included) of each window, and whether it goes on."""
    is_sound = loudness > SILENCE
    start, goes_on = 0, False
    while is_sound[start:].any():
        silent = int(is_sound[start:].argmax())
        start += max(0, silent - _LEAD)
        length, is_in_speech = _length(loudness[start:])
        yield start, start + length, goes_on and silent < _LONG_PAUSE
        start, goes_on = start + length, is_in_speech


def _length(loudness: Any) -> tuple[int, bool]:
    """Frames of the first window, up to the sound after a long pause, else to the quietest place (True), else all."""
    ahead = loudness[:_LONGEST]
    pause_end = _end_of_pause(ahead <= max(SILENCE, QUIET_SHARE * ahead.max()))
    if pause_end > _LEAD:
        return pause_end - _LEAD, False
    if len(loudness) <= _LONGEST:
        return len(loudness), False
    return _SHORTEST + _quietest(ahead[_SHORTEST:]), True


def _end_of_pause(is_quiet: Any) -> int:
    """Where sound begins again after the first long pause; 0 where there is none, or nothing after it."""
    edges = np.flatnonzero(np.diff(is_quiet, prepend=False, append=False))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if end - begin >= _LONG_PAUSE and end < len(is_quiet):
            return int(end)
    return 0


def _quietest(loudness: Any) -> int:
    """The middle of the quietest pause; the last of equal ones."""
    around = np.convolve(loudness, np.ones(_PAUSE), "valid")
    return len(around) - 1 - int(around[::-1].argmin()) + _PAUSE // 2
