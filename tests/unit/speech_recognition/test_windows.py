from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from modules.loaders.speech_recognition.windows import LONGEST_S, Window, find_windows

RATE = 16_000


def noise(seconds: float, loudness: float = 2000) -> Any:
    rng = np.random.default_rng(round(seconds * 100))
    return (rng.standard_normal(round(seconds * RATE)) * loudness).astype(np.int16)


def joined(*parts: Any) -> Any:
    return np.concatenate(parts)


def silence(seconds: float) -> Any:
    return np.zeros(round(seconds * RATE), np.int16)


def in_seconds(windows: list[Window]) -> list[tuple[float, float]]:
    return [(window.start / RATE, window.end / RATE) for window in windows]


@pytest.mark.parametrize(
    "samples", [noise(0.1), noise(12), noise(30), joined(silence(9), noise(9))]
)
def test_a_short_recording_stays_as_it_is(samples: Any) -> None:
    assert find_windows(samples, RATE) == [Window(0, len(samples))]


@pytest.mark.parametrize("seconds", [0, 0.001, 0.5, 30, 31, 100])
def test_nothing_is_heard_in_silence(seconds: float) -> None:
    assert find_windows(silence(seconds), RATE) == []
    assert find_windows(silence(seconds) + 2, RATE) == []  # the last bits of a quiet converter


def test_a_long_one_is_cut_in_its_pauses() -> None:
    pauses = [(12, 0.4), (22, 0.5), (28, 0.5), (47, 0.5), (60, 0.5)]
    samples = noise(75)
    for begin, length in pauses:
        samples[round(begin * RATE) : round((begin + length) * RATE)] = 0
    cuts = [end for _, end in in_seconds(find_windows(samples, RATE))[:-1]]
    assert [any(b <= cut <= b + length for b, length in pauses) for cut in cuts] == [True] * 2
    assert 28 < cuts[0] < 28.5, "the last of equal pauses"
    assert [window.goes_on for window in find_windows(samples, RATE)] == [False, True, True]


def test_a_long_pause_ends_a_window_just_before_the_next_sound() -> None:
    samples = joined(noise(3), silence(8), noise(4), noise(6, 5), noise(30.5))
    windows = find_windows(samples, RATE)
    first, second, *_ = in_seconds(windows)
    assert [window.goes_on for window in windows] == [False, False, False, True]
    assert first == (0, pytest.approx(10.8, abs=0.1))
    assert second == (pytest.approx(10.8, abs=0.1), pytest.approx(20.8, abs=0.1))


def test_long_silence_is_left_out_and_quiet_sound_is_not() -> None:
    samples = joined(silence(40), noise(2), silence(40), noise(2, 10), silence(20))
    windows = in_seconds(find_windows(samples, RATE))
    assert [start for start, _ in windows] == [
        pytest.approx(39.8, abs=0.1),
        pytest.approx(81.8, abs=0.1),
    ]


def test_sound_without_any_pause_is_cut_all_the_same() -> None:
    windows = find_windows(noise(200), RATE)
    assert windows[0].start == 0
    assert windows[-1].end == 200 * RATE
    assert all(a.end == b.start for a, b in pairwise(windows))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from((0, 3, 30, 3000)), st.floats(0.05, 45)), max_size=12))
def test_no_sound_is_lost_or_heard_twice(parts: list[tuple[int, float]]) -> None:
    samples = joined(silence(0), *(noise(seconds, loudness) for loudness, seconds in parts))
    is_heard = np.zeros(len(samples), bool)
    for window in find_windows(samples, RATE):
        assert 0 < window.end - window.start <= LONGEST_S * RATE
        assert not is_heard[window.start : window.end].any()
        is_heard[window.start : window.end] = True
    frames = len(samples) // 320 * 320
    loudness = np.sqrt((samples[:frames].reshape(-1, 320).astype(float) ** 2).mean(axis=1))
    assert is_heard[:frames].reshape(-1, 320).all(axis=1)[loudness > 3].all()
