from typing import Any

import pytest

from modules.core.transcripts import Passage, Segment, Transcript
from modules.loaders.speech_recognition.passages import MAX_CONTEXT_CHARS, Context, to_passage
from modules.loaders.speech_recognition.windows import Window

RATE = 16_000


def heard(*texts: str, start: float = 0.0, end: float = 1.0, **more: Any) -> dict[str, Any]:
    """As whisper answers."""
    segments = [
        {
            "id": i,
            "seek": 0,
            "start": start,
            "end": end,
            "text": text,
            "tokens": [1, 2],
            "temperature": 0.0,
            "avg_logprob": -0.1,
            "compression_ratio": 0.7,
            "no_speech_prob": 0.01,
            **more,
        }
        for i, text in enumerate(texts)
    ]
    return {"text": "".join(texts), "segments": segments, "language": "en"}


def segments_of(*texts: str, temperature: float = 0.0) -> tuple[Segment, ...]:
    return to_passage(heard(*texts, temperature=temperature), Window(0, 30 * RATE), RATE).segments


def test_times_are_those_of_the_whole_recording() -> None:
    words = [{"word": " hello", "start": 0.5, "end": 0.8, "probability": 1.0}]
    passage = to_passage(
        heard(" hello", start=0.4, end=1.2, words=words, seek=50),
        Window(40 * RATE, 60 * RATE),
        RATE,
    )
    (segment,) = passage.segments
    assert (segment.start_s, segment.end_s, segment.seek) == (40.4, 41.2, 4050)
    (word,) = segment.words
    assert (word.text, word.start_s, word.end_s) == ("hello", 40.5, 40.8)


def test_nothing_ends_after_its_window() -> None:
    (segment,) = to_passage(heard(" a", start=1.5, end=30.0), Window(0, 2 * RATE), RATE).segments
    assert (segment.start_s, segment.end_s) == (1.5, 2.0)
    (segment,) = to_passage(heard(" a", start=5, end=30.0), Window(0, 2 * RATE), RATE).segments
    assert (segment.start_s, segment.end_s) == (2.0, 2.0)


def test_segments_without_text_are_left_out() -> None:
    assert [segment.text for segment in segments_of(" a", "", " ", " b")] == [" a", " b"]


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        ((" one two", " three"), "one two three"),
        ((" one two ", " three "), "one two three"),
        (("日本", "語"), "日本語"),
        ((), ""),
    ],
)
def test_segments_make_a_text(texts: tuple[str, ...], whole: str) -> None:
    assert Transcript(1.0, "en", segments_of(*texts)).text == whole


def test_the_context_is_the_prompt_and_then_what_was_heard() -> None:
    context = Context(" Hearth, Whisper ")
    assert context.text == "Hearth, Whisper"
    assert not context.is_heard
    context.add(Passage("en", segments_of(" one", " two")))
    assert context.text == "Hearth, Whisper one two"
    assert context.is_heard
    context.forget()
    assert context.text == "Hearth, Whisper"


def test_text_that_is_unsure_is_no_context() -> None:
    context = Context("a")
    context.add(Passage("en", segments_of(" wild", temperature=0.6)))
    assert context.text == ""


def test_the_context_is_bounded_and_has_no_control_tokens() -> None:
    assert len(Context("word " * 100_000).text) <= MAX_CONTEXT_CHARS
    assert "<|" not in Context("<|endoftext|><|startoftranscript|>").text
