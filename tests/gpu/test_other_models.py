"""Embeddings, reranking, speech recognition and pictures on a CUDA GPU: what the processor gives."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from modules.core.images import ImageRequest, MadeImage
from modules.core.jobs import Job
from modules.core.transcripts import ListeningRequest
from modules.loaders.media_catalog import InstalledMedia
from modules.loaders.registry import load_media
from modules.settings import ROOT
from tests.shapes import see

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
DATA = ROOT / "user_data"
TEXTS = ["What color is the sky?", "hello", "The river is long. " * 8, "x " * 60] * 40
PICTURE_OPTIONS = {
    "dtype": "auto",
    "attn_backend": "sdpa",
    "cpu_offload": False,
    "compile": False,
    "quant": "none",
}


def load(kind: str, folder: str, name: str, loader: str, **options: Any) -> Any:
    return load_media(kind, InstalledMedia(name, loader, DATA / folder / name), options)


def on_both(kind: str, folder: str, name: str, loader: str) -> Iterator[Any]:
    for device in ("cpu", "cuda"):
        model = load(kind, folder, name, loader, device=device)
        yield model
        model.close()


@pytest.mark.parametrize(
    ("name", "loader"),
    [("tiny-embed", "sentence_transformers"), ("tiny-embed-F16.gguf", "llamacpp")],
)
def test_vectors_are_those_of_the_processor(name: str, loader: str) -> None:
    found = [
        model.embed(model.encode(TEXTS))
        for model in on_both("embedding", "embedding_models", name, loader)
    ]
    cpu, gpu = (
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        for vectors in map(np.asarray, found)
    )
    assert (cpu * gpu).sum(axis=1).min() > 0.999


def test_auto_is_the_gpu() -> None:
    model = load(
        "embedding", "embedding_models", "tiny-embed", "sentence_transformers", device="auto"
    )
    before = torch.cuda.memory_allocated()
    model.close()
    assert before > torch.cuda.memory_allocated()


def test_scores_are_those_of_the_processor() -> None:
    documents = ["The sky is blue.", "Dogs bark.", "Rivers are long."] * 20
    cpu, gpu = (
        np.asarray(model.score(model.encode(TEXTS[0], documents)))
        for model in on_both("rerank", "rerank_models", "tiny-rerank", "cross_encoder")
    )
    assert np.abs(cpu - gpu).max() < 0.05


@pytest.fixture(scope="module")
def spoken() -> Any:
    from tests.voices import Espeak, utterances

    return utterances(Espeak(), "en", 10)


def test_speech_is_understood_as_on_the_processor(spoken: Any) -> None:
    from tests.contract.test_whisper import listen, words_of

    cpu, gpu = (
        [words_of(listen(model, each.samples)) for each in spoken]
        for model in on_both("transcription", "whisper_models", "tiny-whisper.pt", "whisper")
    )
    assert sum(a == b for a, b in zip(cpu, gpu, strict=True)) >= 9


def test_word_times_and_many_at_once_on_the_gpu(spoken: Any) -> None:
    from tests.contract.test_whisper import recording

    model = load("transcription", "whisper_models", "tiny-whisper.pt", "whisper", device="cuda")
    wanted = ListeningRequest()
    found = [list(model.listen(recording(each.samples), wanted, Job())) for each in spoken]
    model.close()
    assert all(found)


@pytest.mark.parametrize("dtype", ["auto", "float32", "float16"])
def test_pictures_show_what_was_asked(dtype: str) -> None:
    options = {**PICTURE_OPTIONS, "device": "cuda", "dtype": dtype}
    model = load("image", "image_models", "tiny-diffusion", "diffusers", **options)
    wanted = [("red", "circle", "white"), ("blue", "square", "white"), ("green", "cross", "black")]
    seen: list[Any] = []
    for colour, shape, background in wanted:
        found: list[Any] = []
        prompt = f"a {colour} {shape} on a {background} background"
        request = ImageRequest(prompt, width=64, height=64, steps=12, guidance=3.0, seed=7)
        model.draw(request, Job(), found.append)
        seen += [see(each.image) for each in found if isinstance(each, MadeImage)]
    model.close()
    assert sum(a == b for a, b in zip(seen, wanted, strict=True)) >= 2
