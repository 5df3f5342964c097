"""Voices by the names of requests: eSpeak NG's, those of models with fixed voices, Kokoro's, OpenAI's."""

import pytest

from modules.core.errors import RequestError
from modules.core.speech import Voice
from modules.loaders.speech.espeak_voice import EspeakVoice
from modules.loaders.speech.espeak_voices import SPELLED, EspeakVoices
from modules.loaders.speech.kokoro_voices import KokoroVoices, describe_voices
from modules.loaders.speech.openai_voices import OPENAI_VOICES, spread
from modules.loaders.speech.voices import FixedVoices


def language(identifier: str, name: str, *codes: tuple[int, str]) -> EspeakVoice:
    return EspeakVoice(identifier, name, "male", codes)


def timbre(name: str, gender: str = "male") -> EspeakVoice:
    return EspeakVoice(f"!v/{name}", name, gender, ((5, "variant"),))


ESPEAK = EspeakVoices(
    [
        language("gmw/de", "German", (5, "de")),
        language("gmw/en", "English (Great Britain)", (2, "en-gb"), (2, "en")),
        language("gmw/en-GB-x-rp", "Received Pronunciation", (5, "en-gb-x-rp"), (4, "en-gb")),
        language("gmw/en-US", "English (America)", (2, "en-us"), (3, "en")),
        language("roa/fr-BE", "French (Belgium)", (5, "fr-be"), (8, "fr")),
        language("roa/fr", "French (France)", (5, "fr-fr"), (5, "fr")),
        language("sit/cmn", "Chinese (Mandarin)", (5, "cmn"), (5, "zh")),
        language("inc/my", "Burmese", (5, "my")),
        language("sit/yue", "Cantonese", (5, "yue"), (8, "zh")),
        language("sit/yue-Latn-jyutping", "Cantonese (Latin)", (5, "yue"), (8, "zh")),
    ],
    [timbre(spelled.partition("+")[2]) for spelled in SPELLED.values()]
    + [timbre("Annie", "female"), timbre("Mr serious")],
)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (None, "gmw/en-US+f4"),
        ("alloy", "gmw/en-US+f4"),
        (" Nova ", "gmw/en-US+f3"),
        ("ballad", "gmw/en-GB-x-rp+m3"),
        ("de", "gmw/de"),
        ("DE", "gmw/de"),
        ("de_AT", "gmw/de"),
        ("de+Annie", "gmw/de+Annie"),
        ("de+annie", "gmw/de+Annie"),
        ("Annie", "gmw/en-US+Annie"),
        ("en-gb+Mr serious", "gmw/en+Mr serious"),
        ("English (America)", "gmw/en-US"),
        ("en", "gmw/en"),
        ("fr", "roa/fr"),
        ("zh", "sit/cmn"),
        ("zh-Hant-TW", "sit/cmn"),
        ("yue", "sit/yue"),
        ("yue-latn-jyutping", "sit/yue-Latn-jyutping"),
    ],
)
def test_names_of_espeak(name: str | None, key: str) -> None:
    assert ESPEAK.find(name, None).key == key


@pytest.mark.parametrize(
    "name",
    [
        "nobody",
        "+Annie",
        "de+",
        "de+nobody",
        "nobody+Annie",
        "de+Annie+f3",
        "my-voice",
        "gmw/de",
        "!v/f3",
        "../gmw/de",
        "de+../f3",
        "variant",
        "de\x00",
    ],
)
def test_what_espeak_does_not_have_never_reaches_it(name: str) -> None:
    with pytest.raises(RequestError, match="GET /v1/audio/voices") as raised:
        ESPEAK.find(name, None)
    assert raised.value.param == "voice"


@pytest.mark.parametrize(
    ("name", "language", "key"),
    [
        ("nova", "de", "gmw/de+f3"),
        ("nova", "de-CH", "gmw/de+f3"),
        ("nova", "en", "gmw/en-US+f3"),
        ("nova", "en-GB", "gmw/en+f3"),
        ("nova", "zh-Hans", "sit/cmn+f3"),
        ("de", "fr", "roa/fr"),
        ("de+Annie", "fr-BE", "roa/fr-BE+Annie"),
        ("en-gb", "en", "gmw/en"),
    ],
)
def test_a_language_replaces_that_of_the_voice_and_keeps_its_timbre(
    name: str, language: str, key: str
) -> None:
    assert ESPEAK.find(name, language).key == key


def test_the_id_of_a_voice_finds_it_again() -> None:
    assert len({voice.id for voice in ESPEAK.listed}) == len(ESPEAK.listed) == 23
    for voice in ESPEAK.listed:
        assert ESPEAK.find(voice.id, None) == voice


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(RequestError, match="'xx'") as raised:
        ESPEAK.find("alloy", "xx")
    assert raised.value.param == "language"


def test_openais_names_take_turns_over_few_voices() -> None:
    three = [Voice(name, name, "de") for name in ("a", "b", "c")]
    found = spread(three, {"echo": "c", "nova": "missing"})
    assert set(found) == set(OPENAI_VOICES)
    assert found["echo"].id == "c"
    assert [found[name].id for name in OPENAI_VOICES[:4]] == ["a", "b", "c", "a"]
    assert {found[name].id for name in OPENAI_VOICES} == {"a", "b", "c"}


def test_fixed_voices_keep_their_language() -> None:
    voices = FixedVoices([Voice("Anna", "Anna", "de"), Voice("Ben", "Ben", "de")])
    assert voices.find(None, "fr").id == "Anna"
    assert voices.find("ben", None).id == "Ben"
    assert voices.find("alloy", None).id == "Anna"
    assert voices.find("ash", None).id == "Ben"
    with pytest.raises(RequestError, match="Anna, Ben"):
        voices.find("carl", None)


def test_kokoros_names_say_what_they_speak() -> None:
    voices = KokoroVoices(describe_voices(["am_onyx", "bf_emma", "af_heart", "zf_xiaoxiao", "odd"]))
    assert voices.listed[0].id == "af_heart"
    by_id = {voice.id: (voice.language, voice.gender) for voice in voices.listed}
    assert by_id["bf_emma"] == ("en-gb", "female")
    assert by_id["am_onyx"] == ("en-us", "male")
    assert by_id["zf_xiaoxiao"] == ("cmn", "female")
    assert by_id["odd"] == ("en-us", "")
    assert voices.find("onyx", None).id == "am_onyx"
    assert voices.find("coral", None).id == "af_heart"
    assert voices.find(None, None).id == "af_heart"


@pytest.mark.parametrize(
    ("language", "code"), [("fr-CA", "fr-fr"), ("zh", "cmn"), ("it_IT", "it"), ("en", "en-us")]
)
def test_kokoro_can_be_told_the_language(language: str, code: str) -> None:
    voices = KokoroVoices(describe_voices(["af_heart"]))
    assert voices.find("af_heart", language).language == code
    with pytest.raises(RequestError, match="it speaks en-us"):
        voices.find("af_heart", "de")
