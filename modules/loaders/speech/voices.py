"""How a model's voices are found by the names that requests give."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from modules.core.speech import Voice
from modules.loaders.speech.openai_voices import spread, unknown_voice

MAX_NAMED = 20


class Voices(Protocol):
    """`capabilities`: `language` where a voice can speak several."""

    @property
    def listed(self) -> Sequence[Voice]: ...

    @property
    def capabilities(self) -> tuple[str, ...]: ...

    def find(self, name: str | None, language: str | None) -> Voice:
        """As of Speaker."""
        ...


class FixedVoices:
    """Voices that each have a name and a language; OpenAI's names are spread over them."""

    capabilities: tuple[str, ...] = ("speech",)

    def __init__(self, voices: Sequence[Voice], preferred: Mapping[str, str] | None = None) -> None:
        self.listed = voices
        self._by_name = {voice.id.lower(): voice for voice in voices}
        self._openai = spread(voices, preferred)

    def find(self, name: str | None, language: str | None) -> Voice:
        """Whatever the language: a model of this kind has only one."""
        return self.find_named(name)

    def find_named(self, name: str | None) -> Voice:
        if name is None:
            return self.listed[0]
        wanted = name.strip().lower()
        found = self._by_name.get(wanted) or self._openai.get(wanted)
        if found is None:
            known = ", ".join(voice.id for voice in self.listed[:MAX_NAMED])
            raise unknown_voice(wanted, f"This model has {known}.")
        return found


def read_voices(description: Mapping[str, Any]) -> list[Voice]:
    """From what an engine says of itself."""
    return [Voice(**each) for each in description["voices"]]
