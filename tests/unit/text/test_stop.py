"""Stop strings: the same text however the pieces fall, and never a part of a stop string."""

import pytest
from hypothesis import given, strategies as st

from modules.text.stop import StopMatcher

LETTERS = st.text("abc", max_size=24)
STOPS = st.lists(st.text("abc", min_size=1, max_size=4), max_size=4).map(tuple)


def run(stops: tuple[str, ...], pieces: list[str]) -> tuple[str, str | None]:
    matcher = StopMatcher(stops)
    text = "".join(matcher.feed(piece) for piece in pieces) + matcher.finish()
    return text, matcher.matched


def cut_at_first(stops: tuple[str, ...], text: str) -> str:
    """Without the stop string that is complete first; of those that end together the longest."""
    hits = [(at + len(stop), at) for stop in stops if (at := text.find(stop)) >= 0]
    return text[: min(hits)[1]] if hits else text


def chunks(text: str, sizes: list[int]) -> list[str]:
    pieces: list[str] = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    return [*pieces, text]


@given(STOPS, LETTERS, st.lists(st.integers(0, 5), max_size=24))
def test_any_chunking_shows_the_text_before_the_first_complete_stop_string(
    stops: tuple[str, ...], text: str, sizes: list[int]
) -> None:
    shown, matched = run(stops, chunks(text, sizes))
    assert shown == cut_at_first(stops, text)
    assert (matched is not None) == any(stop in text for stop in stops)


@given(STOPS, LETTERS)
def test_what_was_shown_is_never_taken_back(stops: tuple[str, ...], text: str) -> None:
    """After each character, the text so far is a beginning of the final text."""
    matcher, shown = StopMatcher(stops), ""
    for character in text:
        shown += matcher.feed(character)
        assert cut_at_first(stops, text).startswith(shown)


@pytest.mark.parametrize("pieces", [["abX"], ["ab", "X"], ["a", "b", "X"], ["a", "bX"]])
def test_the_stop_string_that_is_complete_first_wins_however_the_text_is_cut(
    pieces: list[str],
) -> None:
    assert run(("abX", "b"), pieces) == ("a", "b")
    assert run(("abX", "X"), pieces) == ("", "abX")
    assert run(("X", "bX", "abX"), pieces) == ("", "abX")


def test_text_that_may_become_a_stop_string_is_held_back_and_then_shown() -> None:
    matcher = StopMatcher(("STOP",))
    assert matcher.feed("go ST") == "go "
    assert matcher.feed("EP") == "STEP"
    assert matcher.feed("ST") == ""
    assert matcher.finish() == "ST"


def test_nothing_is_shown_after_a_match() -> None:
    matcher = StopMatcher(("x",))
    assert matcher.feed("ax") == "a"
    assert matcher.feed("more") == ""
    assert matcher.finish() == ""
    assert matcher.matched == "x"


@pytest.mark.parametrize("stops", [(), ("",)])
def test_without_stop_strings_text_passes_at_once(stops: tuple[str, ...]) -> None:
    matcher = StopMatcher(stops)
    assert matcher.feed("abc") == "abc"
    assert matcher.finish() == ""
    assert matcher.matched is None
