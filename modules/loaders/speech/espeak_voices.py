"""eSpeak NG's voices by the names that people use: a language, a timbre, both, or one of OpenAI's names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from modules.core.errors import RequestError
from modules.core.speech import Voice
from modules.loaders.speech.espeak_voice import EspeakVoice
from modules.loaders.speech.openai_voices import OPENAI_VOICES, unknown_voice

SPELLED = {
    "alloy": "en-us+f4",
    "ash": "en-us+john",
    "ballad": "en-gb-x-rp+m3",
    "coral": "en-us+f2",
    "echo": "en-us+m2",
    "fable": "en-gb+Gene",
    "nova": "en-us+f3",
    "onyx": "en-us+paul",
    "sage": "en-us+f1",
    "shimmer": "en-us+linda",
    "verse": "en-us+Mario",
    "marin": "en-us+Andrea",
    "cedar": "en-us+Alex",
}
"""OpenAI's names. No two have the same timbre, so that they differ in every language; chosen with a speech recogniser, which understands
all of them, and by their mean spectra, which are far apart."""
DEFAULT = "alloy"
DEFAULT_LANGUAGE = "en-us"
ABOUT = (
    "A voice of eSpeak NG is a language (en-us, de, fr-be), a timbre (f3, Annie) or both (de+f3)."
)
_REGION_OR_SCRIPT = re.compile(r"-(?:[a-z]{2}|\d{3}|hans|hant|latn|cyrl)$")


@dataclass(frozen=True, slots=True)
class _Sound:
    """A language in a timbre; without one it is the library's plain voice."""

    voice: EspeakVoice
    timbre: EspeakVoice | None = None

    @property
    def language(self) -> str:
        return own_code(self.voice)

    @property
    def key(self) -> str:
        return self.voice.identifier + self._suffix

    @property
    def id(self) -> str:
        return self.language + self._suffix

    @property
    def _suffix(self) -> str:
        return f"+{timbre_of(self.timbre)}" if self.timbre else ""

    def to_voice(self, openai_name: str | None = None) -> Voice:
        shown = f"{self.voice.name}, {timbre_of(self.timbre)}" if self.timbre else self.voice.name
        gender = (self.timbre or self.voice).gender
        if openai_name is None:
            return Voice(self.id, shown, self.language, gender, self.key)
        name = f"{openai_name.title()} ({shown})"
        return Voice(openai_name, name, self.language, gender, self.key)


class EspeakVoices:
    """Only what the library itself has listed ever reaches it, since names are parts of paths there."""

    capabilities = ("speech", "language")

    def __init__(self, voices: Iterable[EspeakVoice], timbres: Iterable[EspeakVoice]) -> None:
        self._voices = list(voices)
        self._by_name = _by_name(self._voices)
        self._timbres = {timbre_of(timbre).lower(): timbre for timbre in timbres}

    @property
    def listed(self) -> list[Voice]:
        """OpenAI's names, then every language. There are far too many timbres to list."""
        named = [self.find(name, None) for name in OPENAI_VOICES]
        return [*named, *(_Sound(voice).to_voice() for voice in self._voices)]

    def find(self, name: str | None, language: str | None) -> Voice:
        """RequestError (`voice`, `language`) where there is none."""
        wanted = (name or DEFAULT).strip().lower()
        sound = self._parse(SPELLED.get(wanted, wanted))
        if sound is None:
            raise unknown_voice(wanted, ABOUT)
        openai_name = wanted if wanted in SPELLED else None
        if language is not None and not sound.to_voice().speaks(_code(language)):
            sound = _Sound(self._speaker_of(language), sound.timbre)
        return sound.to_voice(openai_name)

    def _parse(self, spelled: str) -> _Sound | None:
        base, plus, timbre = spelled.partition("+")
        voice, variant = self._find_voice(base), self._timbres.get(timbre.lower())
        if plus:
            return _Sound(voice, variant) if voice and variant else None
        if voice is not None:
            return _Sound(voice)
        variant = self._timbres.get(base)
        return _Sound(self._by_name[DEFAULT_LANGUAGE], variant) if variant else None

    def _find_voice(self, name: str) -> EspeakVoice | None:
        """`de-at` is answered by `de`."""
        code = _code(name)
        while code not in self._by_name and _REGION_OR_SCRIPT.search(code):
            code = _REGION_OR_SCRIPT.sub("", code)
        return self._by_name.get(code) or self._by_name.get(name.lower())

    def _speaker_of(self, language: str) -> EspeakVoice:
        voice = self._find_voice(language)
        if voice is None:
            raise RequestError(
                f"eSpeak NG does not speak {language[:64]!r}; GET /v1/audio/voices lists its languages.",
                param="language",
                code="language_not_found",
            )
        return voice


def timbre_of(variant: EspeakVoice) -> str:
    """The name by which it is joined to a voice: that of its file."""
    return variant.identifier.rpartition("/")[2]


def own_code(voice: EspeakVoice) -> str:
    """What it is called here: the code that it lists first, or the name of its file where that is more exact."""
    listed, file = voice.languages[0][1].lower(), timbre_of(voice).lower()
    return file if file.startswith(listed) else listed


def _by_name(voices: list[EspeakVoice]) -> dict[str, EspeakVoice]:
    """The voices' own codes, then codes that several may have, the best match first, then the voices' names."""
    ranked = sorted(
        (
            (rank, place, code.lower())
            for place, v in enumerate(voices)
            for rank, code in v.languages
        )
    )
    found = {own_code(voice): voice for voice in voices}
    for _, place, code in ranked:
        found.setdefault(code, voices[place])
    for voice in voices:
        found.setdefault(voice.name.lower(), voice)
    return found


def _code(language: str) -> str:
    return language.strip().lower().replace("_", "-")
