# pyright: basic
"""Changes the tempo of speech and keeps its pitch, for speeds that a voice cannot speak at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.error import BlockingIOError as NothingYet, EOFError as NothingMore
from av.filter import Graph

SLOWEST_STEP, FASTEST_STEP = 0.5, 2.0
"""Between these `atempo` blends; past them it would skip samples."""


@contextmanager
def at_tempo(
    tempo: float, sample_rate: int, send: Callable[[bytes], object]
) -> Iterator[Callable[[bytes], object]]:
    """What takes the samples instead of `send`, which gets them `tempo` times as fast. The rest goes out on leaving."""
    if abs(tempo - 1) < 1e-3:
        yield send
        return
    stretcher = _Stretcher(tempo, sample_rate)
    yield lambda pcm: _send_all(stretcher.push(pcm), send)
    _send_all(stretcher.end(), send)


def _send_all(parts: Iterator[bytes], send: Callable[[bytes], object]) -> None:
    for part in parts:
        send(part)


class _Stretcher:
    def __init__(self, tempo: float, sample_rate: int) -> None:
        self._time_base = Fraction(1, sample_rate)
        self._rate = sample_rate
        self._pts = 0
        self._graph = Graph()
        source = self._graph.add_abuffer(
            sample_rate=sample_rate, format="s16", layout="mono", time_base=self._time_base
        )
        steps = [self._graph.add("atempo", str(step)) for step in _steps(tempo)]
        self._graph.link_nodes(source, *steps, self._graph.add("abuffersink")).configure()

    def push(self, pcm: bytes) -> Iterator[bytes]:
        frame = av.AudioFrame.from_ndarray(
            np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate, frame.time_base, frame.pts = self._rate, self._time_base, self._pts
        self._pts += frame.samples
        self._graph.push(frame)
        return self._pull()

    def end(self) -> Iterator[bytes]:
        self._graph.push(None)
        return self._pull()

    def _pull(self) -> Iterator[bytes]:
        while True:
            try:
                frame: Any = self._graph.pull()
            except (NothingYet, NothingMore):
                return
            yield frame.to_ndarray().tobytes()


def _steps(tempo: float) -> list[float]:
    """Factors whose product is `tempo`, none of them too large or too small."""
    steps: list[float] = []
    while not SLOWEST_STEP <= tempo <= FASTEST_STEP:
        step = FASTEST_STEP if tempo > 1 else SLOWEST_STEP
        steps.append(step)
        tempo /= step
    return [*steps, tempo]
