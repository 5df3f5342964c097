"""eSpeak NG: more than a hundred languages, no weights, hundreds of times faster than speech."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from modules.core.jobs import Job
from modules.core.speech import Utterance
from modules.loaders.speech.espeak_library import NORMAL_RATE, SLOWEST_RATE, EspeakLibrary
from modules.loaders.speech.tempo import at_tempo


def load_espeak(_: Path | None) -> "EspeakEngine":
    return EspeakEngine(EspeakLibrary())


class EspeakEngine:
    def __init__(self, library: EspeakLibrary) -> None:
        self._library = library
        self.sample_rate = library.sample_rate

    @property
    def description(self) -> Mapping[str, Any]:
        return {
            "voices": [asdict(voice) for voice in self._library.voices()],
            "timbres": [asdict(timbre) for timbre in self._library.variants()],
        }

    def speak(self, utterance: Utterance, job: Job, send: Callable[[bytes], object]) -> None:
        """All of it or nothing: where the library crashes, the passage can be spoken in another way.

        The library's own slowest is not slow enough for the slowest that can be asked for.
        """
        rate = NORMAL_RATE * utterance.speed
        spoken = max(SLOWEST_RATE, round(rate))
        sound = bytearray()

        def hear(samples: bytes) -> None:
            job.check()
            sound.extend(samples)

        self._library.synthesize(utterance.text, utterance.voice.key, spoken, hear)
        with at_tempo(rate / spoken, self.sample_rate, send) as stretched:
            stretched(bytes(sound))
