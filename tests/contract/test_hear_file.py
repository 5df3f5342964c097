"""A recording on the disk to text, by the bundled Whisper in the program's own pool."""

import asyncio
import re
import wave
from pathlib import Path

import numpy as np
import pytest

from modules.core.errors import RequestError
from modules.engine.media.hearing import hear_file
from modules.media import build_media
from modules.settings import ROOT, Settings
from tests.voices import RATE, Espeak, utterances, word_errors


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    """The file, and what is said in it."""
    said = utterances(Espeak(), "en", 1)[0]
    path = tmp_path_factory.mktemp("sound") / "said.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(said.samples, -1, 1) * 32767).astype(np.int16).tobytes())
    return path, said.words


def hear(path: Path, language: str = "") -> str:
    async def main() -> str:
        media = build_media(Settings(user_data_dir=str(ROOT / "user_data")))
        try:
            return await hear_file(path, media.transcription, 60, language)
        finally:
            await media.close()

    return asyncio.run(main())


@pytest.mark.parametrize("language", ["", "English", "en-US"])
def test_what_is_said_is_heard(heard: tuple[Path, tuple[str, ...]], language: str) -> None:
    path, said = heard
    text = hear(path, language)
    assert text == text.strip()
    assert word_errors(said, re.findall(r"[a-z]+", text.lower())) <= 1


def test_a_file_that_is_no_recording_and_an_unknown_language_are_refused(
    heard: tuple[Path, tuple[str, ...]], tmp_path: Path
) -> None:
    (tmp_path / "x.wav").write_text("no sound")
    with pytest.raises(RequestError):
        hear(tmp_path / "x.wav")
    with pytest.raises(RequestError, match="Klingon"):
        hear(heard[0], "Klingon")
