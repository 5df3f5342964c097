"""Samples of any rate, in pieces of any size, to files that last as long as they should."""

import io
import random
import wave
from typing import Any

import av
import numpy as np
import pytest

from modules.sound.encoder import SHORTEST_S, Encoder
from modules.sound.formats import FORMATS, SAMPLE_RATE, wav_header

SECONDS = 2.0
HERTZ = 440


def tone(rate: int, seconds: float = SECONDS) -> bytes:
    time = np.arange(int(rate * seconds)) / rate
    return (np.sin(2 * np.pi * HERTZ * time) * 12_000).astype("<i2").tobytes()


def encode(name: str, rate: int, pcm: bytes, seed: int = 0) -> bytes:
    rng, parts, start = random.Random(seed), [], 0
    with Encoder(FORMATS[name], rate) as encoder:
        while start < len(pcm):
            size = 2 * rng.choice((1, 7, 100, 1323, 5000, 40_000))
            parts.append(encoder.encode(pcm[start : start + size]))
            start += size
        parts.append(encoder.finish())
        assert encoder.seconds == pytest.approx(max(SHORTEST_S, len(pcm) / 2 / rate), abs=1e-3)
    return FORMATS[name].header(sum(map(len, parts))) + b"".join(parts)


def samples_of(name: str, data: bytes) -> tuple[Any, int]:
    if name == "pcm":
        return np.frombuffer(data, "<i2") / 32768, SAMPLE_RATE
    with av.open(io.BytesIO(data)) as file:
        rate = file.streams.audio[0].rate
        resampler = av.AudioResampler("s16", "mono", rate)
        parts = [r.to_ndarray()[0] for f in file.decode(audio=0) for r in resampler.resample(f)]
    return np.concatenate(parts) / 32768, rate


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100])
@pytest.mark.parametrize("name", FORMATS)
def test_a_tone_keeps_its_length_and_pitch(name: str, rate: int) -> None:
    samples, decoded_rate = samples_of(name, encode(name, rate, tone(rate)))
    assert len(samples) / decoded_rate == pytest.approx(SECONDS, abs=0.1)
    middle = samples[decoded_rate // 2 :][:decoded_rate]
    assert np.abs(np.fft.rfft(middle)).argmax() == pytest.approx(HERTZ, abs=2)
    assert np.abs(middle).max() == pytest.approx(12_000 / 32_768, rel=0.1)


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_come_out_before_the_end(name: str) -> None:
    with Encoder(FORMATS[name], 22_050) as encoder:
        first = sum(len(encoder.encode(tone(22_050, 0.1))) for _ in range(5))
        assert first > 1000
        encoder.finish()


@pytest.mark.parametrize("name", FORMATS)
def test_one_sample_makes_a_file_that_can_be_read(name: str) -> None:
    samples, rate = samples_of(name, encode(name, 22_050, b"\x01\x00"))
    assert 0.05 < len(samples) / rate < 0.2


def test_an_encoder_can_be_left_in_the_middle() -> None:
    for name in FORMATS:
        with Encoder(FORMATS[name], 22_050) as encoder:
            encoder.encode(tone(22_050, 0.3))


def test_the_header_of_a_wav_file_is_read_by_the_standard_library() -> None:
    data = encode("wav", 22_050, tone(22_050))
    with wave.open(io.BytesIO(data)) as file:
        assert file.getparams()[:3] == (1, 2, SAMPLE_RATE)
        assert file.getnframes() * 2 + 44 == len(data)


def test_a_wav_file_of_unknown_length_is_read_to_its_end() -> None:
    data = wav_header(None) + tone(SAMPLE_RATE)
    samples, rate = samples_of("wav", data)
    assert len(samples) / rate == pytest.approx(SECONDS)
    with wave.open(io.BytesIO(data)) as file:
        assert len(file.readframes(10**9)) == 2 * SAMPLE_RATE * SECONDS
