# pyright: basic
"""A Piper voice: an ONNX file, and beside it a JSON file of the same name with `.json` added."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from piper import PiperVoice, SynthesisConfig
from piper.config import PhonemeType, PiperConfig

from modules.core.errors import LoadError
from modules.core.jobs import Job
from modules.core.speech import Utterance, Voice
from modules.loaders.speech.onnx_sessions import check_inputs, open_session

MAX_CONFIG_BYTES = 2**22
INPUTS = {"input", "input_lengths", "scales"}
OFFLINE_PHONEMES = (PhonemeType.ESPEAK, PhonemeType.TEXT, PhonemeType.HEBREW)
"""For the other kinds piper needs further packages, and fetches data from the network."""


def load_piper(path: Path | None) -> "PiperEngine":
    if path is None:
        raise LoadError("A Piper voice needs its file.")
    config = read_config(path)
    session = open_session(path)
    check_inputs(session, INPUTS | ({"sid"} if config.num_speakers > 1 else set()), "Piper")
    return PiperEngine(PiperVoice(session=session, config=config), path.stem)


class PiperEngine:
    def __init__(self, piper: PiperVoice, name: str) -> None:
        self._piper = piper
        self._voices = describe_speakers(piper.config, name)
        self.sample_rate: int = piper.config.sample_rate

    @property
    def description(self) -> Mapping[str, Any]:
        return {"voices": [asdict(voice) for voice in self._voices]}

    def speak(self, utterance: Utterance, job: Job, send: Callable[[bytes], object]) -> None:
        """Sentence by sentence."""
        key = utterance.voice.key
        config = SynthesisConfig(
            speaker_id=int(key) if key else None,
            length_scale=self._piper.config.length_scale / utterance.speed,
        )
        for chunk in self._piper.synthesize(_as_plain(utterance.text), config):
            job.check()
            send(chunk.audio_int16_array.astype("<i2").tobytes())


def read_config(graph: Path) -> PiperConfig:
    """LoadError where the JSON file is missing, damaged, or of a kind that cannot work here."""
    file = graph.with_name(f"{graph.name}.json")
    try:
        if file.stat().st_size > MAX_CONFIG_BYTES:
            raise LoadError(f"{file.name} is too large for the description of a voice.")
        config = PiperConfig.from_dict(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise LoadError(
            f"{graph.name} needs {file.name} beside it: a Piper voice is two files."
        ) from None
    except KeyError as error:
        raise LoadError(
            f"{file.name} does not describe a Piper voice: {error} is missing."
        ) from error
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise LoadError(f"{file.name} does not describe a Piper voice: {error}") from error
    _check(config, file.name)
    return config


def describe_speakers(config: PiperConfig, name: str) -> list[Voice]:
    """One for each speaker, the default first; their `key` is the speaker's number."""
    language = config.espeak_voice.lower()
    known = sorted(config.speaker_id_map.items(), key=lambda item: item[1])
    known = [(speaker, number) for speaker, number in known if 0 <= number < config.num_speakers]
    if config.num_speakers == 1 or not known:
        return [Voice(name, name, language)]
    known.sort(key=lambda item: item[1] != config.default_speaker_id)
    return [Voice(speaker, f"{name}: {speaker}", language, key=str(n)) for speaker, n in known]


def _check(config: PiperConfig, name: str) -> None:
    if config.phoneme_type not in OFFLINE_PHONEMES:
        raise LoadError(
            f"{name}: voices with {config.phoneme_type.value} phonemes need packages and data that are not part of this program."
        )
    numbers = (config.sample_rate, config.num_speakers)
    if not all(isinstance(number, int) and number >= 1 for number in numbers):
        raise LoadError(f"{name} does not describe a Piper voice: its numbers make no sense.")
    if not all(mark in config.phoneme_id_map for mark in "_^$"):
        raise LoadError(f"{name} does not describe a Piper voice: its phonemes are incomplete.")


def _as_plain(text: str) -> str:
    """To piper, [[…]] are phonemes."""
    return text.replace("[[", "[ [")
