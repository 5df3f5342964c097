"""Counts of an engine."""

import pytest

from modules.core.events import Usage
from modules.engine.statistics import EngineStatistics, Histogram


def test_a_histogram_counts_up_to_and_including_each_bound() -> None:
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.0, 0.1, 0.5, 1.0, 1.1, 99.0):
        histogram.add(seconds)
    assert histogram.counts == [2, 2, 2]
    assert histogram.count == 6
    assert histogram.total == pytest.approx(101.7)


def test_histograms_do_not_share_their_counts() -> None:
    first, second = EngineStatistics(slots=1), EngineStatistics(slots=1)
    first.note_first_token(0.2)
    assert first.ttft.count == 1
    assert second.ttft.count == 0


def test_ended_replies_add_up() -> None:
    statistics = EngineStatistics(slots=2)
    statistics.note_end(Usage(10, 5, 3))
    statistics.note_end(Usage(1, 2))
    assert statistics.finished == 2
    assert (statistics.prompt_tokens, statistics.cached_tokens) == (11, 3)
    assert statistics.completion_tokens == 7


@pytest.mark.parametrize(
    ("slots", "replies", "step_seconds", "queued", "expected"),
    [
        (1, 0, 0.0, 50, 1),
        (1, 10, 20.0, 5, 10),
        (2, 10, 20.0, 5, 5),
        (1, 10, 20.0, 0, 1),
        (1, 1, 1000.0, 9, 60),
    ],
)
def test_the_expected_wait_follows_from_what_replies_took(
    slots: int, replies: int, step_seconds: float, queued: int, expected: int
) -> None:
    statistics = EngineStatistics(slots=slots)
    statistics.note_step(step_seconds, 1)
    for _ in range(replies):
        statistics.note_end(Usage(1, 1))
    assert statistics.expected_wait_s(queued) == expected
