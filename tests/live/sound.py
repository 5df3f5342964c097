"""Listens to speech: decodes any format, measures pitch and timbre, and asks the bundled Whisper what was said."""

import io
import re
from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from tests.live.launch import ROOT

WHISPER = ROOT / "user_data" / "whisper_models" / "tiny-whisper.pt"
WHISPER_RATE = 16_000
PCM_RATE = 24_000


@dataclass(frozen=True)
class Sound:
    """`samples` from -1 to 1, one channel."""

    samples: Any
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @property
    def is_silent(self) -> bool:
        return not len(self.samples) or float(np.abs(self.samples).max()) < 0.01

    @property
    def pitch(self) -> float:
        """Median of the fundamental frequency of what is voiced, in Hz."""
        size, found = int(0.046 * self.rate), []
        low, high = self.rate // 400, self.rate // 60
        for start in range(0, len(self.samples) - size, size // 2):
            part = self.samples[start : start + size]
            if np.abs(part).max() < 0.1:
                continue
            alike = np.correlate(part, part, "full")[size - 1 :]
            lag = low + int(alike[low:high].argmax())
            if alike[lag] > 0.5 * alike[0]:
                found.append(self.rate / lag)
        return float(np.median(found))

    @property
    def timbre(self) -> Any:
        """The mean spectrum in decibels, in 128 bands."""
        size = 2048
        parts = [self.samples[i : i + size] for i in range(0, len(self.samples) - size, size)]
        power = np.mean([np.abs(np.fft.rfft(p * np.hanning(size))) ** 2 for p in parts], axis=0)
        return 10 * np.log10(power[:512].reshape(128, 4).mean(axis=1) + 1e-6)


def decoded(data: bytes) -> Sound:
    """A file in any container; every byte of it must be readable."""
    with av.open(io.BytesIO(data)) as file:
        frames = list(file.decode(audio=0))
        rate = file.streams.audio[0].rate
    resampler = av.AudioResampler("s16", "mono", rate)
    parts = [part for frame in frames for part in resampler.resample(frame)]
    samples = np.concatenate([part.to_ndarray()[0] for part in parts])
    return Sound(samples.astype(np.float32) / 32768, rate)


def from_pcm(data: bytes, rate: int = PCM_RATE) -> Sound:
    assert len(data) % 2 == 0
    return Sound(np.frombuffer(data, "<i2").astype(np.float32) / 32768, rate)


class Listener:
    """The bundled Whisper, which knows a few dozen words."""

    def __init__(self) -> None:
        import whisper

        self._model = whisper.load_model(str(WHISPER))

    def hear(self, sound: Sound, language: str = "en") -> str:
        """The words in small letters, without punctuation."""
        frame = av.AudioFrame.from_ndarray(
            (sound.samples * 32767).astype(np.int16)[None, :], format="s16", layout="mono"
        )
        frame.sample_rate = sound.rate
        resampler = av.AudioResampler("s16", "mono", WHISPER_RATE)
        parts = [*resampler.resample(frame), *resampler.resample(None)]
        samples = np.concatenate([p.to_ndarray()[0] for p in parts]).astype(np.float32) / 32768
        found = self._model.transcribe(samples, language=language, fp16=False)["text"]
        return " ".join(re.findall(r"\w+", str(found).lower()))
