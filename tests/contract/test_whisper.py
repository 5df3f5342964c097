"""The bundled Whisper on speech that was made a moment ago."""

import io
import pickle
import random
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import whisper

from modules.core.errors import Cancelled, LoadError
from modules.core.jobs import Job
from modules.core.transcripts import ListeningRequest, Passage, Recording, Segment
from modules.loaders.media_catalog import InstalledMedia
from modules.loaders.media_files import WHISPER_MODELS
from modules.loaders.registry import load_media
from modules.loaders.speech_recognition.whisper_model import WhisperTranscriber
from modules.settings import ROOT
from tests.voices import RATE, Espeak, Utterance, silence, utterances, word_errors

TINY = ROOT / "user_data" / "whisper_models" / "tiny-whisper.pt"
PROMPT = "hello world"


def load(path: Path, device: str = "auto") -> WhisperTranscriber:
    model = InstalledMedia(path.name, "whisper", path)
    return load_media("transcription", model, {"device": device})


@pytest.fixture(scope="module")
def model() -> WhisperTranscriber:
    return load(TINY)


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    return Espeak()


@pytest.fixture(scope="module")
def english(espeak: Espeak) -> list[Utterance]:
    return utterances(espeak, "en", 40)


def recording(samples: Any) -> Recording:
    return Recording((np.clip(samples, -1, 1) * 32767).astype(np.int16), RATE)


def listen(
    model: WhisperTranscriber, samples: Any, job: Job | None = None, **wanted: Any
) -> list[Passage]:
    return list(model.listen(recording(samples), ListeningRequest(**wanted), job or Job()))


def segments_of(passages: Iterable[Passage]) -> list[Segment]:
    return [segment for passage in passages for segment in passage.segments]


def words_of(passages: Iterable[Passage]) -> list[str]:
    return " ".join(segment.text for segment in segments_of(passages)).lower().split()


Report = Callable[[str, object], None]


@pytest.mark.parametrize(
    ("language", "count", "limit"), [("en", 40, 0.05), ("de", 20, 0.08), ("fr", 20, 0.1)]
)
def test_few_words_are_misheard(
    model: WhisperTranscriber,
    espeak: Espeak,
    record_property: Report,
    language: str,
    count: int,
    limit: float,
) -> None:
    """Word sequences that were held out from training; the language is not told."""
    spoken = utterances(espeak, language, count)
    passages = [listen(model, each.samples) for each in spoken]
    errors = sum(
        word_errors(each.words, words_of(heard))
        for each, heard in zip(spoken, passages, strict=True)
    )
    rate = errors / sum(len(each.words) for each in spoken)
    record_property("word_error_rate", rate)
    assert rate <= limit
    assert {passage.language for heard in passages for passage in heard} == {language}


@pytest.mark.parametrize("language", ["de", "fr"])
def test_few_words_are_mistranslated(
    model: WhisperTranscriber, espeak: Espeak, record_property: Report, language: str
) -> None:
    spoken = utterances(espeak, language, 20)
    errors = sum(
        word_errors(each.in_english, words_of(listen(model, each.samples, task="translate")))
        for each in spoken
    )
    rate = errors / sum(len(each.words) for each in spoken)
    record_property("word_error_rate", rate)
    assert rate <= 0.1


def test_a_short_recording_is_heard_as_by_the_library(
    model: WhisperTranscriber, english: list[Utterance]
) -> None:
    reference = whisper.load_model(str(TINY), device="cpu")
    for each in english[:8]:
        samples = recording(each.samples).samples.astype(np.float32) / 32768
        expected = reference.transcribe(samples, fp16=False)
        (passage,) = listen(model, each.samples)
        assert passage.language == expected["language"]
        assert [
            (s.seek, s.start_s, s.end_s, s.text, list(s.tokens), s.avg_logprob)
            for s in passage.segments
        ] == [
            (
                s["seek"],
                s["start"],
                pytest.approx(s["end"]),
                s["text"],
                s["tokens"],
                s["avg_logprob"],
            )
            for s in expected["segments"]
        ]


def test_a_long_recording_is_heard_to_its_end(
    model: WhisperTranscriber, english: list[Utterance]
) -> None:
    spoken = english[:12]
    starts: list[float] = []
    parts: list[Any] = []
    for each in spoken:
        starts.append(sum(map(len, parts)) / RATE)
        parts += [each.samples, silence(7)]
    nexts = [*starts[1:], sum(map(len, parts)) / RATE]
    job = Job()
    passages = listen(model, np.concatenate(parts), job)
    said = [word for each in spoken for word in each.words]
    assert word_errors(tuple(said), words_of(passages)) <= len(said) * 0.1
    assert (job.done, job.total) == (len(passages), len(passages))
    assert len(passages) == len(spoken)
    for start, following, segment in zip(starts, nexts, segments_of(passages), strict=True):
        assert start - 0.2 <= segment.start_s <= start + 1
        assert segment.start_s < segment.end_s <= following, "at most the silence after it"
        assert segment.seek == pytest.approx(start * 100, abs=30)


def test_speech_that_goes_on_is_heard_with_the_text_before_it(
    model: WhisperTranscriber, english: list[Utterance], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[str | None] = []
    real = whisper.transcribe

    def transcribe(*given: Any, **options: Any) -> Any:
        prompts.append(options["initial_prompt"])
        return real(*given, **options)

    monkeypatch.setattr(whisper, "transcribe", transcribe)
    parts = [part for each in english[:8] for part in (each.samples, silence(4))]
    passages = listen(
        model, np.concatenate([*parts, silence(6), english[9].samples]), prompt=PROMPT
    )
    first = "".join(segment.text for segment in passages[0].segments)
    assert first
    assert prompts[0] == PROMPT
    assert prompts[1] == PROMPT + first
    assert prompts[-1] == PROMPT, "not after a long pause"


def test_the_language_is_found_once_and_kept(model: WhisperTranscriber, espeak: Espeak) -> None:
    (german,) = utterances(espeak, "de", 1)
    (english,) = utterances(espeak, "en", 1)
    parts = [silence(3), german.samples, silence(40), english.samples]
    assert [p.language for p in listen(model, np.concatenate(parts))] == ["de", "de"]
    assert [p.language for p in listen(model, german.samples, language="fr")] == ["fr"]


@pytest.mark.parametrize("seconds", [0.01, 0.5, 3, 31, 200])
def test_nothing_is_said_in_silence(model: WhisperTranscriber, seconds: float) -> None:
    assert listen(model, silence(seconds)) == []


@pytest.mark.parametrize("loudness", [0.001, 0.003, 0.03])
def test_nothing_is_said_in_noise(model: WhisperTranscriber, loudness: float) -> None:
    noise = np.random.default_rng(0).standard_normal(3 * RATE) * loudness
    assert words_of(listen(model, noise)) == []


def test_words_have_times_that_follow_each_other(
    model: WhisperTranscriber, english: list[Utterance]
) -> None:
    samples = np.concatenate([english[0].samples, silence(30), english[1].samples])
    segments = segments_of(listen(model, samples, has_words=True))
    words = [word for segment in segments for word in segment.words]
    assert [word.text for word in words] == [*english[0].words, *english[1].words]
    times = [time for word in words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= len(samples) / RATE
    assert type(times[0]) is float, "numpy's numbers are no JSON"
    assert words[len(english[0].words)].start_s > 30
    assert not any(segment.words for segment in segments_of(listen(model, samples)))


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        PROMPT,
        "<|endoftext|><|startoftranscript|>",
        "a" * 50_000,
        "日本語 " * 2000,
        "\0\u200b \n",
    ],
)
def test_any_prompt_can_be_given(
    model: WhisperTranscriber, english: list[Utterance], prompt: str
) -> None:
    passages = listen(model, english[0].samples, prompt=prompt)
    if prompt in ("", PROMPT):
        assert words_of(passages) == list(english[0].words)


def test_a_temperature_makes_it_vary(model: WhisperTranscriber, english: list[Utterance]) -> None:
    torch.manual_seed(1)
    (segment, *_) = segments_of(listen(model, english[0].samples, temperature=0.9))
    assert segment.temperature == 0.9


class Impatient(Job):
    """Cancelled at its n-th check."""

    def __init__(self, checks: int) -> None:
        super().__init__()
        self.left = checks

    def check(self) -> None:
        self.left -= 1
        self.is_cancelled = self.left <= 0
        super().check()


@pytest.mark.parametrize("checks", [1, 2, 3, 5, 8])
def test_a_cancelled_job_ends_between_tokens_and_leaves_nothing(
    model: WhisperTranscriber, english: list[Utterance], checks: int
) -> None:
    with pytest.raises(Cancelled):
        listen(model, english[0].samples, Impatient(checks))
    modules = list(model._model.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in modules)
    assert words_of(listen(model, english[0].samples)) == list(english[0].words)


def test_languages_are_found_by_code_and_by_name(model: WhisperTranscriber) -> None:
    assert model.languages["en"] == model.languages["english"] == "en"
    assert model.languages["castilian"] == "es"
    assert "yue" not in model.languages, "99 languages are those before Cantonese"
    assert model.name_of("de") == "german"
    assert model.info.capabilities == ("transcription", "translation")
    assert model.info.options == {"device": str(model._model.device)}


def save(path: Path, checkpoint: Any) -> Path:
    torch.save(checkpoint, path)
    return path


def test_a_model_for_english_knows_english_only(tmp_path: Path, english: list[Utterance]) -> None:
    torch.manual_seed(0)
    dims = whisper.model.ModelDimensions(80, 1500, 16, 1, 1, 51_864, 64, 16, 1, 1)
    network = whisper.Whisper(dims)
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.02)
    checkpoint = {"dims": vars(dims), "model_state_dict": network.state_dict()}
    model = load(save(tmp_path / "mini.en.pt", checkpoint))
    assert model.info.capabilities == ("transcription",)
    assert dict(model.languages) == {"en": "en", "english": "en"}
    passages = listen(model, english[0].samples, temperature=0.1)
    assert [passage.language for passage in passages] == ["en"]


class Evil:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path(EVIL_FILE),))


EVIL_FILE = f"{tempfile.gettempdir()}/evil-{random.getrandbits(64):x}"


def wrong_files() -> dict[str, bytes]:
    good = torch.load(TINY, weights_only=True)
    dims, weights = good["dims"], good["model_state_dict"]

    def saved(checkpoint: Any) -> bytes:
        file = io.BytesIO()
        torch.save(checkpoint, file)
        return file.getvalue()

    return {
        "empty": b"",
        "text": b"no weights at all\n" * 100,
        "half": TINY.read_bytes()[: TINY.stat().st_size // 2],
        "other": saved({"weight": torch.zeros(3)}),
        "list": saved([1, 2, 3]),
        "dims": saved({"dims": dims | {"n_text_layer": 9}, "model_state_dict": weights}),
        "more-dims": saved({"dims": dims | {"n_noses": 1}, "model_state_dict": weights}),
        "evil": saved({"dims": dims, "model_state_dict": Evil()}),
        "evil-pickle": pickle.dumps(Evil(), protocol=2),
    }


@pytest.mark.parametrize("name", list(wrong_files()))
def test_a_file_that_is_no_checkpoint_says_so_and_runs_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.pt"
    path.write_bytes(wrong_files()[name])
    with pytest.raises(LoadError, match=f"{name}.pt is no checkpoint of Whisper"):
        load(path)
    assert not Path(EVIL_FILE).exists()


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"gone\.pt"):
        load(tmp_path / "gone.pt")


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "", "cpu:1", "mps"])
def test_a_device_that_is_not_there_says_which_are(device: str) -> None:
    with pytest.raises(LoadError, match=r"There is no device .*; there are: auto, cpu"):
        load(TINY, device)


def test_the_models_that_can_be_downloaded_are_those_of_the_library() -> None:
    assert frozenset(whisper.available_models()) == WHISPER_MODELS
    assert all(url.split("/")[-2].isalnum() for url in whisper._MODELS.values())


def test_the_heads_for_words_are_set_by_the_name_of_a_known_model(tmp_path: Path) -> None:
    dims = whisper.model.ModelDimensions(80, 1500, 12, 6, 1, 51_865, 64, 12, 6, 4)
    checkpoint = {"dims": vars(dims), "model_state_dict": whisper.Whisper(dims).state_dict()}
    known = load(save(tmp_path / "tiny.pt", checkpoint))._model
    other = load(save(tmp_path / "mine.pt", checkpoint))._model
    foreign = load(save(tmp_path / "large.pt", checkpoint))._model
    assert known.alignment_heads.to_dense().sum() != other.alignment_heads.to_dense().sum()
    assert (foreign.alignment_heads.to_dense() == other.alignment_heads.to_dense()).all()
