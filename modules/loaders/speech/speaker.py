"""A Speaker whose engine runs in a process of its own."""

import logging
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from modules.core.errors import LoadError, ModelError
from modules.core.jobs import Job
from modules.core.speech import Utterance, Voice
from modules.loaders.media_base import MediaInfo
from modules.loaders.media_catalog import InstalledMedia
from modules.loaders.speech.espeak_voice import EspeakVoice
from modules.loaders.speech.espeak_voices import EspeakVoices
from modules.loaders.speech.kokoro_voices import KokoroVoices
from modules.loaders.speech.process import SpeakerDied, SpeakerProcess
from modules.loaders.speech.voices import FixedVoices, Voices, read_voices
from modules.text.passages import passages

log = logging.getLogger("hearth.speech")

Description = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """How the voices of an engine are found, and the longest passage it is given, in characters.

    Short ones lose little where the process dies, and let the first sound come early; a pause is made where a sentence ends.
    """

    voices: Callable[[Description], Voices]
    longest: int


def _espeak_voices(description: Description) -> Voices:
    voices, timbres = (map(EspeakVoice.read, description[name]) for name in ("voices", "timbres"))
    return EspeakVoices(voices, timbres)


FAMILIES: Mapping[str, Family] = {
    "espeak": Family(_espeak_voices, 400),
    "piper": Family(lambda description: FixedVoices(read_voices(description)), 800),
    "kokoro": Family(lambda description: KokoroVoices(read_voices(description)), 800),
}


def load_speaker(model: InstalledMedia, options: Mapping[str, Any]) -> "ProcessSpeaker":
    """LoadError where the model cannot be loaded, ModuleNotFoundError where a library is missing."""
    return ProcessSpeaker(model, SpeakerProcess(model), dict(options))


class ProcessSpeaker:
    def __init__(
        self, model: InstalledMedia, process: SpeakerProcess, options: dict[str, Any]
    ) -> None:
        family = FAMILIES[model.loader]
        self._model = model
        self._process = process
        self._longest = family.longest
        self._voices = family.voices(process.description)
        self.sample_rate: int = process.description["sample_rate"]
        self.voices = self._voices.listed
        self.info = MediaInfo(
            model.name, model.loader, self._voices.capabilities, model.size_bytes, options
        )

    def find_voice(self, name: str | None, language: str | None) -> Voice:
        return self._voices.find(name, language)

    def speak(self, utterance: Utterance, job: Job, send: Callable[[bytes], object]) -> None:
        done, total = 0, len(utterance.text)
        for passage in passages(utterance.text, self._longest):
            job.note(done, total)
            self._speak_passage(replace(utterance, text=passage), job, send)
            done += len(passage)
        job.note(done, total)

    def close(self) -> None:
        self._process.close()

    def _speak_passage(self, passage: Utterance, job: Job, send: Callable[[bytes], object]) -> None:
        """Twice where the process dies: what it dies of are signs, so they are left out the second time."""
        try:
            self._living().speak(passage, job, send)
        except SpeakerDied as death:
            log.warning("The process of %s died; it is started anew", self.info.name)
            if death.has_spoken:
                raise _crash(self.info.name) from death
            self._speak_words(passage, job, send)

    def _speak_words(self, passage: Utterance, job: Job, send: Callable[[bytes], object]) -> None:
        words = words_only(passage.text)
        if not words.strip():
            return
        try:
            self._living().speak(replace(passage, text=words), job, send)
        except SpeakerDied as death:
            raise _crash(self.info.name) from death

    def _living(self) -> SpeakerProcess:
        """ModelError where it cannot be started anew."""
        if not self._process.is_alive:
            self._process.close()
            try:
                self._process = SpeakerProcess(self._model)
            except ModuleNotFoundError as error:
                raise LoadError(f"{self.info.name} needs {error.name}, which is gone.") from error
        return self._process


def words_only(text: str) -> str:
    """Letters, numbers, punctuation and spaces of the first plane; the rest becomes spaces."""
    return "".join(char if _is_word_like(char) else " " for char in text)


def _is_word_like(char: str) -> bool:
    is_readable = unicodedata.category(char)[0] in "LMNPZ" or char in "\n\t"
    return is_readable and ord(char) < 0x10000


def _crash(name: str) -> ModelError:
    return ModelError(f"{name} crashed on this text.")
