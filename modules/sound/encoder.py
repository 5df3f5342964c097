# pyright: basic
"""Samples to the bytes of a format, while more samples are still to come."""

from fractions import Fraction
from types import TracebackType
from typing import Any, Self

import av
import numpy as np

from modules.sound.formats import SAMPLE_RATE, AudioFormat

SHORTEST_S = 0.1


class Encoder:
    """Takes one channel of 16-bit samples. Belongs to one thread; leave it with `with`, or its codec stays open."""

    def __init__(self, audio_format: AudioFormat, sample_rate: int) -> None:
        self._rate = sample_rate
        self._taken = 0
        self._sink = _Raw() if not audio_format.codec else _Container(audio_format)
        self._resampler = av.AudioResampler(self._sink.sample_format, "mono", SAMPLE_RATE)

    @property
    def seconds(self) -> float:
        """Of what was taken so far."""
        return self._taken / self._rate

    def encode(self, pcm: bytes) -> bytes:
        """What is ready now; a codec holds back some of what it got."""
        samples = np.frombuffer(pcm, "<i2")
        if not len(samples):
            return b""
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = self._rate, Fraction(1, self._rate)
        frame.pts = self._taken
        self._taken += frame.samples
        return self._write(frame)

    def finish(self) -> bytes:
        """The rest, and silence where all of it is so short that it would not fill a frame."""
        missing = int(SHORTEST_S * self._rate) - self._taken
        padding = self.encode(bytes(2 * missing)) if missing > 0 else b""
        return padding + self._write(None) + self._sink.end()

    def _write(self, frame: av.AudioFrame | None) -> bytes:
        for resampled in self._resampler.resample(frame):
            self._sink.put(resampled)
        return self._sink.take()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._sink.close()


class _Raw:
    """The samples themselves."""

    sample_format = "s16"

    def __init__(self) -> None:
        self._ready = bytearray()

    def put(self, frame: av.AudioFrame) -> None:
        self._ready += frame.to_ndarray().astype("<i2", copy=False).tobytes()

    def take(self) -> bytes:
        ready = bytes(self._ready)
        self._ready.clear()
        return ready

    def end(self) -> bytes:
        return b""

    def close(self) -> None:
        pass


class _Pipe:
    """A file that can only be written to, so that a container does not try to correct its beginning later."""

    def __init__(self) -> None:
        self.ready = bytearray()

    def write(self, data: Any) -> int:
        self.ready += data
        return len(data)


class _Container:
    def __init__(self, audio_format: AudioFormat) -> None:
        self._pipe = _Pipe()
        self._output: Any = av.open(
            self._pipe, "w", format=audio_format.container, options=dict(audio_format.options)
        )
        self._stream: Any = self._output.add_stream(
            audio_format.codec, rate=SAMPLE_RATE, layout="mono"
        )
        if audio_format.bit_rate:
            self._stream.bit_rate = audio_format.bit_rate
        self.sample_format: str = self._stream.codec_context.format.name

    def put(self, frame: av.AudioFrame) -> None:
        self._output.mux(self._stream.encode(frame))

    def take(self) -> bytes:
        ready = bytes(self._pipe.ready)
        self._pipe.ready.clear()
        return ready

    def end(self) -> bytes:
        self._output.mux(self._stream.encode(None))
        self._output.close()
        return self.take()

    def close(self) -> None:
        self._output.close()
