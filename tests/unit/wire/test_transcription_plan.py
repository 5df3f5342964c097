from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from extensions.openai.audio.transcription_plan import (
    check_combinations,
    plan_transcription,
    plan_translation,
    without_effect,
)
from extensions.openai.audio.transcription_types import TranscriptionForm, TranslationForm
from modules.core.errors import RequestError, Unsupported
from modules.core.transcripts import ListeningRequest

MANY = {
    "en": "en",
    "english": "en",
    "de": "de",
    "german": "de",
    "fr": "fr",
    "es": "es",
    "castilian": "es",
}
ENGLISH = {"en": "en", "english": "en"}


def model(languages: Mapping[str, str]) -> Any:
    can = ("transcription", "translation") if len(languages) > 2 else ("transcription",)
    return SimpleNamespace(
        languages=languages, info=SimpleNamespace(name="small.en.pt", capabilities=can)
    )


def test_a_form_becomes_a_request() -> None:
    body = TranscriptionForm.model_validate(
        {
            "language": " Castilian",
            "prompt": "Hearth",
            "temperature": "0.5",
            "timestamp_granularities": ["word", "segment"],
        }
    )
    assert plan_transcription(body, model(MANY)) == ListeningRequest(
        "transcribe", "es", "Hearth", 0.5, has_words=True
    )
    assert plan_transcription(TranscriptionForm(), model(MANY)) == ListeningRequest()


def test_a_model_for_english_refuses_other_languages_and_translations() -> None:
    with pytest.raises(RequestError, match=r"does not know the language 'de'\. It knows en"):
        plan_transcription(TranscriptionForm(language="de"), model(ENGLISH))
    assert plan_transcription(TranscriptionForm(language="en-GB"), model(ENGLISH)).language == "en"
    with pytest.raises(Unsupported, match="knows English only") as caught:
        plan_translation(TranslationForm(), model(ENGLISH))
    assert caught.value.param == "model"
    assert plan_translation(TranslationForm(prompt="x"), model(MANY)).task == "translate"


@pytest.mark.parametrize("form", ["srt", "vtt", "verbose_json"])
def test_a_stream_has_no_other_form(form: Any) -> None:
    with pytest.raises(RequestError, match=form):
        check_combinations(TranscriptionForm(stream=True, response_format=form))
    check_combinations(TranscriptionForm(stream=False, response_format=form))


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"chunking_strategy": "auto"}, []),
        ({"chunking_strategy": "server_vad"}, ["chunking_strategy"]),
        (
            {"chunking_strategy[type]": "server_vad", "chunking_strategy[threshold]": "1"},
            ["chunking_strategy"],
        ),
        ({"include": "logprobs"}, ["include"]),
        ({}, []),
    ],
)
def test_what_changes_nothing_is_known(fields: dict[str, Any], names: list[str]) -> None:
    assert without_effect(TranscriptionForm.model_validate(fields)) == names
