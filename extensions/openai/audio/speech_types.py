"""The wire of speech: requests and answers."""

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, Field

from extensions.openai.fields import Request, Text, example
from extensions.openai.response_types import Response
from modules.core.speech import SPEEDS
from modules.sound.formats import FormatName


class VoiceId(BaseModel):
    """How OpenAI's newer clients name a voice that is not OpenAI's own."""

    id: str


def _by_id(voice: Any) -> Any:
    if not isinstance(voice, dict):
        return voice
    named = cast("dict[str, Any]", voice)
    return named["id"] if set(named) == {"id"} else named


VoiceName = Annotated[
    Text,
    Field(min_length=1, max_length=200),
    BeforeValidator(_by_id, json_schema_input_type=str | VoiceId),
]


class SpeechRequest(Request):
    model_config = example(
        model="tts-1", input="Hello world, it is a happy morning.", voice="alloy"
    )

    input: Annotated[Text, Field(description="What to say: plain text; markup is not understood")]
    model: Text | None = Field(
        None, description="An installed speech model; any other name is answered by the default"
    )
    voice: VoiceName | None = Field(
        None, description="A name of GET /v1/audio/voices; null is the model's own default"
    )
    instructions: Text | None = Field(None, description="Has no effect with these models")
    response_format: FormatName | None = Field(
        None, description="mp3 unless something else is said"
    )
    speed: float | None = Field(
        None, ge=SPEEDS[0], le=SPEEDS[1], description="1 is the voice's own speed"
    )
    stream_format: Literal["audio", "sse"] | None = Field(
        None, description="audio: the bytes of the file; sse: events with pieces of it"
    )
    language: Annotated[Text, Field(max_length=64)] | None = Field(
        None,
        description="What the text is written in, such as de or pt-BR; the voice keeps its timbre",
    )
    stream: bool | None = Field(
        None, description="false: answer when all is made, with its length in the header"
    )


class SpeechUsage(Response):
    """Characters in, fiftieths of a second out: these models know no tokens."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class SpeechDelta(Response):
    """`audio` is base64; the deltas of a stream joined are the file."""

    type: Literal["speech.audio.delta"] = "speech.audio.delta"
    audio: str


class SpeechDone(Response):
    type: Literal["speech.audio.done"] = "speech.audio.done"
    usage: SpeechUsage


class NamedItem(Response):
    id: str
    name: str


class VoiceObject(NamedItem):
    object: Literal["voice"] = "voice"
    language: str
    gender: Literal["male", "female"] | None = None
    model: str


class VoiceList(Response):
    """`voices` says the same in the words that Open WebUI and its like read."""

    object: Literal["list"] = "list"
    data: list[VoiceObject]
    voices: list[NamedItem]


class SpeechModelObject(NamedItem):
    object: Literal["model"] = "model"
    loader: str
    loaded: bool


class SpeechModelList(Response):
    object: Literal["list"] = "list"
    data: list[SpeechModelObject]
    models: list[NamedItem]
