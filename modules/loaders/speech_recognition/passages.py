# pyright: basic
"""What whisper answers for one window, as values with the times of the whole recording. Pure functions."""

from typing import Any

from modules.core.transcripts import Passage, Segment, SpokenWord
from modules.loaders.speech_recognition.windows import Window

MAX_CONTEXT_CHARS = 2000
"""The model reads 223 tokens of it at most; to tokenize much more takes time for nothing."""
UNSURE = 0.5
"""Text that took a higher temperature is no help for what follows (whisper's own rule)."""
SEEKS_PER_S = 100


class Context:
    """The text before a window: the request's prompt first, then what was heard."""

    def __init__(self, prompt: str) -> None:
        self._prompt = self._text = prompt.strip()

    @property
    def text(self) -> str:
        """Marks such as `<|endoftext|>` are only text here, and whisper's tokenizer refuses them: they are broken up."""
        return self._text[-MAX_CONTEXT_CHARS:].replace("<|", "< |")

    @property
    def is_heard(self) -> bool:
        """Whether there is more than the prompt."""
        return self._text != self._prompt

    def add(self, passage: Passage) -> None:
        heard = "".join(segment.text for segment in passage.segments)
        is_unsure = any(segment.temperature > UNSURE for segment in passage.segments[-1:])
        self._text = "" if is_unsure else (self._text + heard)[-MAX_CONTEXT_CHARS:]

    def forget(self) -> None:
        """What was heard; the prompt stays."""
        self._text = self._prompt


def to_passage(heard: dict[str, Any], window: Window, rate: int) -> Passage:
    """Segments without text are left out."""
    segments = [
        _to_segment(each, window, rate) for each in heard["segments"] if each["text"].strip()
    ]
    return Passage(heard["language"], tuple(segments))


def _to_segment(each: dict[str, Any], window: Window, rate: int) -> Segment:
    start_s, end_s = _placed(each["start"], each["end"], window, rate)
    words = [
        SpokenWord(word["word"].strip(), *_placed(word["start"], word["end"], window, rate))
        for word in each.get("words", ())
    ]
    return Segment(
        start_s=start_s,
        end_s=end_s,
        text=each["text"],
        tokens=tuple(each["tokens"]),
        seek=each["seek"] + round(window.start / rate * SEEKS_PER_S),
        temperature=each["temperature"],
        avg_logprob=each["avg_logprob"],
        compression_ratio=each["compression_ratio"],
        no_speech_prob=each["no_speech_prob"],
        words=tuple(words),
    )


def _placed(start: float, end: float, window: Window, rate: int) -> tuple[float, float]:
    """In the recording, and not after its window: the last mark of a window may lie in the silence that fills it up."""
    first, last = window.start / rate, window.end / rate
    start_s = min(first + float(start), last)
    return round(start_s, 3), round(max(start_s, min(first + float(end), last)), 3)
