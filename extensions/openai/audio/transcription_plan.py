"""What a form asks of the model. Pure functions."""

from extensions.openai.audio.transcription_types import TranscriptionForm, TranslationForm
from modules.core.errors import RequestError, Unsupported
from modules.core.transcripts import ListeningRequest
from modules.engine.media.hearing import find_language
from modules.loaders.media_base import Transcriber

STREAMED = ("json", "text")


def check_combinations(body: TranscriptionForm) -> None:
    """RequestError for fields that exclude each other."""
    form = body.response_format or "json"
    if body.timestamp_granularities and form != "verbose_json":
        raise RequestError(
            "timestamp_granularities needs response_format verbose_json.",
            param="timestamp_granularities",
        )
    if body.stream and form not in STREAMED:
        raise RequestError(
            f"A stream has the text only: response_format {form} needs stream false.",
            param="response_format",
        )


def without_effect(body: TranscriptionForm) -> list[str]:
    """Fields that are understood and change nothing."""
    names = ["include"] if body.include else []
    strategy = body.chunking_strategy
    return [*names, "chunking_strategy"] if strategy not in (None, "auto") else names


def plan_transcription(body: TranscriptionForm, model: Transcriber) -> ListeningRequest:
    """RequestError where the model does not know the language."""
    return ListeningRequest(
        language=None if body.language is None else find_language(body.language, model),
        prompt=body.prompt or "",
        temperature=body.temperature or 0.0,
        has_words="word" in (body.timestamp_granularities or ()),
    )


def plan_translation(body: TranslationForm, model: Transcriber) -> ListeningRequest:
    """Unsupported where the model knows English only."""
    if "translation" not in model.info.capabilities:
        raise Unsupported(
            f"The model {model.info.name} knows English only, and cannot translate.", param="model"
        )
    return ListeningRequest(
        task="translate", prompt=body.prompt or "", temperature=body.temperature or 0.0
    )
