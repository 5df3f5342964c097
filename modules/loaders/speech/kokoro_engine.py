# pyright: basic
"""Kokoro: `kokoro*.onnx`, and beside it `voices*.bin` with a table of styles for each voice."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from kokoro_onnx import Kokoro
from kokoro_onnx.chunker import pause_after, split_phonemes
from kokoro_onnx.config import SAMPLE_RATE
from phonemizer import phonemize

from modules.core.errors import LoadError
from modules.core.jobs import Job
from modules.core.speech import Utterance
from modules.loaders.speech.kokoro_voices import describe_voices
from modules.loaders.speech.onnx_sessions import check_inputs, open_session
from modules.loaders.speech.tempo import at_tempo

SLOWEST, FASTEST = 0.5, 2.0
"""What the model itself can do."""
PIECE_PHONEMES = 200
"""About ten seconds of speech: it can take 510 at once, but the first sound would be long in coming."""
SENTENCE_PAUSE_S, CLAUSE_PAUSE_S = 0.25, 0.1


def load_kokoro(path: Path | None) -> "KokoroEngine":
    if path is None:
        raise LoadError("Kokoro needs its files.")
    voices = find_voices_file(path)
    session = open_session(path)
    check_inputs(session, {"style", "speed"}, "Kokoro")
    styles = read_styles(voices)
    try:
        kokoro: Any = Kokoro.from_session(session, str(voices))
    except (OSError, ValueError, RuntimeError) as error:
        raise LoadError(f"{path.name} could not be loaded: {error}") from error
    kokoro.voices.close()  # it reads its file anew for each sentence
    kokoro.voices = styles
    return KokoroEngine(kokoro)


class KokoroEngine:
    sample_rate = SAMPLE_RATE

    def __init__(self, kokoro: Any) -> None:
        self._kokoro = kokoro

    @property
    def description(self) -> Mapping[str, Any]:
        return {"voices": [asdict(voice) for voice in describe_voices(self._kokoro.voices)]}

    def speak(self, utterance: Utterance, job: Job, send: Callable[[bytes], object]) -> None:
        """Piece by piece, each of one or several sentences."""
        speed = min(FASTEST, max(SLOWEST, utterance.speed))
        pieces = split_phonemes(self._phonemes(utterance), PIECE_PHONEMES)
        with at_tempo(utterance.speed / speed, SAMPLE_RATE, send) as stretched:
            for piece in pieces:
                job.check()
                stretched(self._sound(piece, utterance.voice.id, speed))

    def _phonemes(self, utterance: Utterance) -> str:
        """Only what the model knows; marks of punctuation are phonemes to it."""
        spoken: Any = phonemize(
            utterance.text,
            utterance.voice.language,
            preserve_punctuation=True,
            with_stress=True,
            language_switch="remove-flags",
        )
        return " ".join(self._kokoro.tokenizer.known(" ".join(spoken.split())).split())

    def _sound(self, phonemes: str, voice: str, speed: float) -> bytes:
        audio, _ = self._kokoro.create(phonemes, voice, speed, is_phonemes=True)
        samples = np.clip(np.asarray(audio, np.float32) * 32767, -32768, 32767).astype("<i2")
        pause_s = pause_after(phonemes, SENTENCE_PAUSE_S, CLAUSE_PAUSE_S)
        return samples.tobytes() + bytes(2 * int(pause_s * SAMPLE_RATE))


def find_voices_file(graph: Path) -> Path:
    """`voices-v1.0.bin` for `kokoro-v1.0.onnx`, else the only one there is; LoadError where that cannot be told."""
    found = sorted(graph.parent.glob("voices*.bin"))
    version = graph.stem.lower().removeprefix("kokoro").partition(".int8")[0].partition(".fp16")[0]
    exact = [file for file in found if file.stem.lower().removeprefix("voices") == version]
    if exact:
        return exact[0]
    if len(found) == 1:
        return found[0]
    names = ", ".join(file.name for file in found) or "there is none"
    raise LoadError(f"{graph.name} needs its voices*.bin beside it: {names}.")


def read_styles(file: Path) -> dict[str, Any]:
    """By voice: a table of style vectors, a row for each number of phonemes."""
    try:
        with np.load(file) as styles:
            found = {name.lower(): np.asarray(styles[name], np.float32) for name in styles.files}
    except Exception as error:  # a damaged file fails in many ways
        raise LoadError(f"{file.name} is no file of Kokoro voices: {error}") from error
    if not found or any(table.ndim < 2 or not len(table) for table in found.values()):
        raise LoadError(f"{file.name} is no file of Kokoro voices: it has no tables of styles.")
    return found
