"""The wire of /v1/audio/transcriptions and /v1/audio/translations. Nothing here computes."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from extensions.openai.fields import Text
from extensions.openai.forms import FormRequest
from extensions.openai.response_types import LeanResponse, Response

TranscriptFormat = Literal["json", "text", "srt", "verbose_json", "vtt"]


def _listed(value: Any) -> Any:
    """A form has a list of one where the name is not repeated."""
    return [value] if isinstance(value, str) else value


class TranslationForm(FormRequest):
    model: Text | None = Field(
        None, description="An installed model; any other name is the default"
    )
    prompt: Text | None = Field(
        None, description="Text that goes before: how words are spelled, or what was said until now"
    )
    response_format: TranscriptFormat | None = Field(
        None, description="json (the default) or another"
    )
    temperature: float | None = Field(
        None,
        ge=0,
        le=1,
        description="0 (the default) takes what is likeliest, and tries higher ones where that looks wrong",
    )


class TranscriptionForm(TranslationForm):
    language: Text | None = Field(
        None,
        description="What is spoken, as a code (en) or a name (english); found out when not given",
    )
    timestamp_granularities: (
        Annotated[list[Literal["word", "segment"]], BeforeValidator(_listed)] | None
    ) = Field(None, description="With verbose_json: segments (the default), words or both")
    stream: bool | None = Field(
        None, description="Send the text as it is heard; with json and text"
    )
    include: Annotated[list[Literal["logprobs"]], BeforeValidator(_listed)] | None = Field(
        None, description="Accepted; Whisper reports probabilities of segments, in verbose_json"
    )
    chunking_strategy: Text | None = Field(
        None, description="auto is what is done: long recordings are cut where it is quiet"
    )

    @model_validator(mode="before")
    @classmethod
    def _join_strategy(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """The official client sends an object as `chunking_strategy[type]` and so on."""
        parts = [name for name in fields if name.startswith("chunking_strategy[")]
        if not parts:
            return fields
        others = {name: value for name, value in fields.items() if name not in parts}
        return others | {"chunking_strategy": fields.get("chunking_strategy[type]", "other")}


class DurationUsage(Response):
    type: Literal["duration"] = "duration"
    seconds: float


class TokenUsage(Response):
    """`input_tokens`: places in time that the model listens to, 50 a second."""

    type: Literal["tokens"] = "tokens"
    input_tokens: int
    output_tokens: int
    total_tokens: int


class TranscriptSegment(Response):
    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class TranscriptWord(Response):
    word: str
    start: float
    end: float


class TranscriptionResponse(Response):
    text: str
    usage: DurationUsage


class VerboseTranscription(LeanResponse):
    _lean: ClassVar[tuple[str, ...]] = ("segments", "words")

    task: Literal["transcribe"] = "transcribe"
    language: str
    duration: float
    text: str
    segments: list[TranscriptSegment] | None = None
    words: list[TranscriptWord] | None = None
    usage: DurationUsage


class TranslationResponse(Response):
    text: str


class VerboseTranslation(Response):
    task: Literal["translate"] = "translate"
    language: Literal["english"] = "english"
    duration: float
    text: str
    segments: list[TranscriptSegment]


class TextDelta(Response):
    type: Literal["transcript.text.delta"] = "transcript.text.delta"
    delta: str


class TextDone(Response):
    type: Literal["transcript.text.done"] = "transcript.text.done"
    text: str
    usage: TokenUsage
