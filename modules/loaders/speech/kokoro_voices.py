"""Kokoro's voices: their names say what they speak, and the model can make them speak its other languages."""

from collections.abc import Iterable

from modules.core.errors import RequestError
from modules.core.speech import Voice
from modules.loaders.speech.voices import FixedVoices

LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr-fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "cmn",
}
"""What it was trained to speak: the first letter of a voice's name, and eSpeak NG's code. The second letter is the gender."""
GENDERS = {"f": "female", "m": "male"}
ALIASES = {"en": "en-us", "fr": "fr-fr", "pt": "pt-br", "zh": "cmn"}
BEST_VOICE = "af_heart"
"""By its makers' own grades."""
PREFERRED = {
    "alloy": "af_alloy",
    "ash": "am_michael",
    "ballad": "bm_george",
    "coral": "af_heart",
    "echo": "am_echo",
    "fable": "bm_fable",
    "nova": "af_nova",
    "onyx": "am_onyx",
    "sage": "af_sarah",
    "shimmer": "af_bella",
    "verse": "am_puck",
    "marin": "bf_emma",
    "cedar": "am_fenrir",
}


class KokoroVoices(FixedVoices):
    capabilities = ("speech", "language")

    def __init__(self, voices: Iterable[Voice]) -> None:
        super().__init__(list(voices), PREFERRED)

    def find(self, name: str | None, language: str | None) -> Voice:
        found = self.find_named(name)
        if language is None or found.speaks(language.strip().replace("_", "-")):
            return found
        return Voice(found.id, found.name, _known_language(language), found.gender)


def describe_voices(names: Iterable[str]) -> list[Voice]:
    """The best first."""
    return [_described(name) for name in sorted(names, key=lambda n: (n != BEST_VOICE, n))]


def _described(name: str) -> Voice:
    """`bf_emma` is British and female."""
    kind, _, own = name.partition("_")
    language = LANGUAGES.get(kind[:1], "en-us")
    shown = f"{own.title() or name} ({language})"
    return Voice(name, shown, language, GENDERS.get(kind[1:2], ""))


def _known_language(language: str) -> str:
    """`it-IT` is looked for as `it-it`, then as `it`."""
    code = language.strip().lower().replace("_", "-")
    base = code.partition("-")[0]
    for wanted in (code, ALIASES.get(code), base, ALIASES.get(base)):
        if wanted in LANGUAGES.values():
            return str(wanted)
    raise RequestError(
        f"Kokoro does not speak {language[:64]!r}; it speaks {', '.join(LANGUAGES.values())}.",
        param="language",
        code="language_not_found",
    )
