"""Every engine that speaks, in its process: the real libraries; voices of Piper and Kokoro are graphs without training."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from modules.core.errors import Cancelled, LoadError, ModelError, NotInstalled
from modules.core.jobs import Job
from modules.core.speech import Utterance
from modules.loaders.media_catalog import InstalledMedia
from modules.loaders.media_files import speech_loader
from modules.loaders.registry import load_media
from modules.loaders.speech.speaker import ProcessSpeaker, words_only
from modules.settings import ROOT
from tests.contract.voice_models import add_kokoro, add_piper, piper_config

TEXT = "The quick brown fox jumps over the lazy dog. Then it sleeps."
ENGINES = ("espeak", "piper", "kokoro")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    add_piper(folder)
    add_kokoro(folder, "af_heart", "bm_fable")
    return folder


def installed(folder: Path, engine: str) -> InstalledMedia:
    files = {"piper": "en_US-tone-low.onnx", "kokoro": "kokoro-v1.0.onnx"}
    path = folder / files[engine] if engine in files else None
    return InstalledMedia(path.name if path else "espeak-ng", engine, path)


@pytest.fixture(scope="module", params=ENGINES)
def speaker(request: pytest.FixtureRequest, folder: Path) -> Iterator[ProcessSpeaker]:
    speaker: ProcessSpeaker = load_media("speech", installed(folder, request.param), {})
    yield speaker
    speaker.close()


@pytest.fixture
def load() -> Iterator[Callable[[Path], ProcessSpeaker]]:
    """Load a file; closed after the test."""
    speakers: list[ProcessSpeaker] = []

    def load(path: Path) -> ProcessSpeaker:
        loader = speech_loader(path)
        assert loader is not None
        speakers.append(load_media("speech", InstalledMedia(path.name, loader, path), {}))
        return speakers[-1]

    yield load
    for speaker in speakers:
        speaker.close()


def say(
    speaker: ProcessSpeaker, text: str = TEXT, voice: str | None = None, speed: float = 1
) -> bytes:
    parts: list[bytes] = []
    speaker.speak(Utterance(text, speaker.find_voice(voice, None), speed), Job(), parts.append)
    return b"".join(parts)


def test_it_makes_sound_and_says_how_far_it_is(speaker: ProcessSpeaker) -> None:
    job, parts = Job(), []
    speaker.speak(Utterance(TEXT, speaker.voices[0]), job, parts.append)
    samples = np.frombuffer(b"".join(parts), "<i2")
    assert 1.5 < len(samples) / speaker.sample_rate < 10
    assert np.abs(samples.astype(int)).max() > 5000
    assert job.done == job.total == len(TEXT)


@pytest.mark.parametrize("speed", [0.25, 0.5, 2, 4])
def test_every_speed_is_kept_to(speaker: ProcessSpeaker, speed: float) -> None:
    text = "one two three four five six seven eight nine"
    assert len(say(speaker, text, speed=speed)) * speed == pytest.approx(
        len(say(speaker, text)), rel=0.15
    )


def test_its_first_voice_is_the_default(speaker: ProcessSpeaker) -> None:
    assert speaker.find_voice(None, None) == speaker.voices[0]
    for voice in speaker.voices:
        assert speaker.find_voice(voice.id, None) == voice


def test_where_there_is_nothing_to_say_there_is_no_sound(speaker: ProcessSpeaker) -> None:
    assert np.abs(np.frombuffer(say(speaker, " \n "), "<i2")).max(initial=0) < 100


def test_a_cancelled_job_ends_soon_and_the_next_text_is_spoken_whole(
    speaker: ProcessSpeaker,
) -> None:
    job, sent = Job(), 0

    def take(sound: bytes) -> None:
        nonlocal sent
        sent += len(sound)
        job.cancel()

    whole = len(say(speaker))
    with pytest.raises(Cancelled):
        speaker.speak(Utterance(TEXT * 60, speaker.voices[0], 0.25), job, take)
    assert sent < 10 * whole
    assert len(say(speaker)) == pytest.approx(whole, rel=0.05)


def test_what_cannot_be_taken_ends_it_too(speaker: ProcessSpeaker) -> None:
    def refuse(_: bytes) -> None:
        raise OSError("the disk is full")

    whole = len(say(speaker))
    with pytest.raises(OSError, match="disk is full"):
        speaker.speak(Utterance(TEXT * 10, speaker.voices[0]), Job(), refuse)
    assert len(say(speaker)) == pytest.approx(whole, rel=0.05)


def test_a_process_that_died_is_replaced(speaker: ProcessSpeaker) -> None:
    whole = len(say(speaker))
    os.kill(speaker._process._process.pid, signal.SIGKILL)
    assert len(say(speaker)) == pytest.approx(whole, rel=0.05)


def test_a_process_that_dies_in_the_middle_is_an_error_of_that_text_only(
    speaker: ProcessSpeaker,
) -> None:
    def kill(_: bytes) -> None:
        os.kill(speaker._process._process.pid, signal.SIGKILL)
        time.sleep(0.05)

    with pytest.raises(ModelError, match="crashed on this text"):
        speaker.speak(Utterance(TEXT * 4, speaker.voices[0], 0.25), Job(), kill)
    assert len(say(speaker)) > 10_000


def test_signs_that_crash_the_phonemes_are_left_out(
    folder: Path, load: Callable[[Path], ProcessSpeaker]
) -> None:
    """This text crashes the eSpeak NG inside piper 1.8.0, in German; whether it does or not, the words are spoken."""
    path = add_piper(folder / "german", "de_DE-tone-low", espeak={"voice": "de"})
    speaker = load(path)
    deadly = "Hallo \U00010042\U0001f6bc Welt."
    assert len(say(speaker, deadly)) >= len(say(speaker, "Hallo Welt."))
    assert words_only(deadly) == "Hallo    Welt."


def test_closing_leaves_no_process_and_no_folder(folder: Path) -> None:
    for engine in ENGINES:
        speaker: ProcessSpeaker = load_media("speech", installed(folder, engine), {})
        process = speaker._process
        speaker.close()
        assert process._process.returncode == 0
        assert not Path(process._folder.name).exists()


# Piper


def pitch_of(sound: bytes, rate: int) -> float:
    samples = np.frombuffer(sound, "<i2")
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


def test_the_speakers_of_a_piper_voice_are_voices(
    tmp_path: Path, load: Callable[[Path], ProcessSpeaker]
) -> None:
    numbers = {"carla": 2, "anna": 0, "ben": 1, "nobody": 7}
    path = add_piper(tmp_path, num_speakers=3, speaker_id_map=numbers, default_speaker_id=1)
    speaker = load(path)
    assert [voice.id for voice in speaker.voices] == ["ben", "anna", "carla"]
    for name, hertz in (("anna", 100), ("ben", 200), ("carla", 400)):
        assert pitch_of(say(speaker, "Hello", name), speaker.sample_rate) == pytest.approx(
            hertz, rel=0.02
        )


def test_phonemes_between_brackets_are_text_to_piper(
    folder: Path, load: Callable[[Path], ProcessSpeaker]
) -> None:
    speaker = load(folder / "en_US-tone-low.onnx")
    assert say(speaker, "[[aaaaaaaaaaaaaaaaaaaaaaaa]]") == say(
        speaker, "[ [aaaaaaaaaaaaaaaaaaaaaaaa]]"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "two files"),
        ("", "does not describe a Piper voice"),
        ("[]", "does not describe a Piper voice"),
        ("{}", "'num_symbols' is missing"),
        ("[" * 100_000, "does not describe a Piper voice"),
        (json.dumps(piper_config(num_speakers=0)), "make no sense"),
        (json.dumps(piper_config(audio={"sample_rate": "fast"})), "make no sense"),
        (json.dumps(piper_config(phoneme_id_map={"a": [1]})), "phonemes are incomplete"),
        (json.dumps(piper_config(phoneme_type="pinyin")), "packages and data"),
        (json.dumps(piper_config(phoneme_type="unheard")), "does not describe a Piper voice"),
        (json.dumps(piper_config(espeak={"voice": "xx-none"})), "cannot speak"),
        (json.dumps(piper_config(num_speakers=2)), "sid"),
    ],
)
def test_a_wrong_description_of_a_piper_voice_says_what_is_wrong(
    text: str | None, reason: str, tmp_path: Path, load: Callable[[Path], ProcessSpeaker]
) -> None:
    path = add_piper(tmp_path)
    file = path.with_name(f"{path.name}.json")
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    with pytest.raises(LoadError, match=reason):
        load(path)


@pytest.mark.parametrize("data", [b"", b"nothing", b"\x08\x09" * 1000])
def test_a_graph_that_is_none_says_so(
    data: bytes, tmp_path: Path, load: Callable[[Path], ProcessSpeaker]
) -> None:
    for path in (add_piper(tmp_path), add_kokoro(tmp_path, "af_heart")):
        path.write_bytes(data)
        with pytest.raises(LoadError, match="not an ONNX graph"):
            load(path)


def test_a_graph_of_another_kind_says_what_it_takes(
    tmp_path: Path, load: Callable[[Path], ProcessSpeaker]
) -> None:
    piper, kokoro = add_piper(tmp_path), add_kokoro(tmp_path, "af_heart")
    data = piper.read_bytes()
    piper.write_bytes(kokoro.read_bytes())
    kokoro.write_bytes(data)
    with pytest.raises(LoadError, match="not a Piper voice: it takes speed, style, tokens"):
        load(piper)
    with pytest.raises(LoadError, match="not a Kokoro voice: it takes input"):
        load(kokoro)


# Kokoro


def test_kokoros_voices_have_styles_of_their_own(
    folder: Path, load: Callable[[Path], ProcessSpeaker]
) -> None:
    speaker = load(folder / "kokoro-v1.0.onnx")
    first, second = (
        pitch_of(say(speaker, "hello", name), speaker.sample_rate)
        for name in ("af_heart", "bm_fable")
    )
    assert second - first == pytest.approx(100, abs=25)


def test_the_file_of_voices_is_found_by_its_version(
    tmp_path: Path, load: Callable[[Path], ProcessSpeaker]
) -> None:
    add_kokoro(tmp_path, "af_one", version="-v0.19")
    path = add_kokoro(tmp_path, "af_two")
    small = path.with_name("kokoro-v1.0.int8.onnx")
    small.write_bytes(path.read_bytes())
    assert [voice.id for voice in load(small).voices] == ["af_two"]
    unknown = path.with_name("kokoro.onnx")
    unknown.write_bytes(path.read_bytes())
    with pytest.raises(LoadError, match=r"voices-v0\.19\.bin, voices-v1\.0\.bin"):
        load(unknown)


@pytest.mark.parametrize("data", [None, b"", b"nothing", b"PK\x03\x04" + bytes(100)])
def test_kokoro_without_its_voices_says_so(
    data: bytes | None, tmp_path: Path, load: Callable[[Path], ProcessSpeaker]
) -> None:
    path = add_kokoro(tmp_path, "af_heart")
    file = tmp_path / "voices-v1.0.bin"
    if data is None:
        file.unlink()
    else:
        file.write_bytes(data)
    with pytest.raises(LoadError, match="voices"):
        load(path)


def test_pickled_styles_are_not_opened(
    tmp_path: Path, load: Callable[[Path], ProcessSpeaker]
) -> None:
    path = add_kokoro(tmp_path, "af_heart")
    with (tmp_path / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, af_heart=np.array([{"a": 1}], dtype=object))
    with pytest.raises(LoadError, match="no file of Kokoro voices"):
        load(path)


# What is imported


PROBE = """
import sys
from modules.loaders.media_catalog import InstalledMedia
from modules.loaders.registry import load_media
load_media("speech", InstalledMedia("espeak-ng", "espeak"), {}).close()
print(sorted(set(sys.modules) & {"av", "numpy", "piper", "kokoro_onnx", "onnxruntime", "espeakng_loader"}))
"""


def test_the_server_imports_none_of_the_libraries() -> None:
    """They belong to the processes."""
    found = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, timeout=60)
    assert found.stdout.decode().strip() == "[]", found.stderr.decode()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "modules.loaders.speech.process._PROGRAM",
        [
            "-c",
            "import sys; sys.modules['espeakng_loader'] = None\n"
            "from modules.loaders.speech.speaker_process import main; main()",
        ],
    )
    with pytest.raises(NotInstalled, match="espeakng_loader"):
        load_media("speech", InstalledMedia("espeak-ng", "espeak"), {})
