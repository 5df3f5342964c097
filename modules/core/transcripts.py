"""Speech as text: what is asked of a model, and what it heard."""

from dataclasses import dataclass
from typing import Any, Literal

Task = Literal["transcribe", "translate"]


@dataclass(frozen=True, slots=True)
class Recording:
    """`samples`: a numpy array of int16, one channel, `rate` of them a second."""

    samples: Any
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


@dataclass(frozen=True, slots=True)
class ListeningRequest:
    """How to listen. `translate` writes English, whatever is spoken.

    `language`: a code that the model knows, None to find out. `prompt`: text that goes before. `temperature` 0 begins greedily, and
    tries higher ones where the result looks bad.
    """

    task: Task = "transcribe"
    language: str | None = None
    prompt: str = ""
    temperature: float = 0.0
    has_words: bool = False


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """In seconds from the beginning of the recording."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or so, in seconds from the beginning of the recording; `text` has the space before it.

    `seek`: where the stretch that it was heard in begins, in hundredths of a second.
    """

    start_s: float
    end_s: float
    text: str
    tokens: tuple[int, ...]
    seek: int
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: tuple[SpokenWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """What was heard in one stretch of a recording. `language`: the code of what is spoken there."""

    language: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """All of a recording. `language`: the code of the first that was heard, None where nothing was."""

    seconds: float
    language: str | None
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return "".join(
            addition(segment, is_first=not index) for index, segment in enumerate(self.segments)
        )


def addition(segment: Segment, *, is_first: bool) -> str:
    """What a segment adds to the text of those before it."""
    return segment.text.strip() if is_first else segment.text.rstrip()
