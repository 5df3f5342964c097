"""Embedders and rerankers over the bundled models: the same numbers as the libraries used directly."""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modules.core.errors import ContextLengthExceeded, LoadError, RequestError
from modules.loaders.media_catalog import InstalledMedia
from modules.loaders.registry import load_media
from tests.live.launch import ROOT

EMBEDDERS = ROOT / "user_data" / "embedding_models"
TEXTS = [
    "What color is the sky?",
    "hello",
    "The dog sleeps in the old garden, and the cat does too.",
    "x " * 60,
    "Ünïcödé 🙂 中文",
    "What colour has the sky?",
    "a",
    "The river is long. " * 8,
]
CPU = {"device": "cpu"}


def installed(path: Path, loader: str) -> InstalledMedia:
    return InstalledMedia(path.name, loader, path)


@pytest.fixture(scope="module")
def transformer() -> Iterator[Any]:
    model = load_media(
        "embedding", installed(EMBEDDERS / "tiny-embed", "sentence_transformers"), CPU
    )
    yield model
    model.close()


@pytest.fixture(scope="module")
def gguf() -> Iterator[Any]:
    model = load_media("embedding", installed(EMBEDDERS / "tiny-embed-F16.gguf", "llamacpp"), CPU)
    yield model
    model.close()


@pytest.fixture(params=["transformer", "gguf"])
def embedder(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def reference() -> Any:
    """sentence-transformers itself, in 32 bits."""
    import torch
    from sentence_transformers import SentenceTransformer

    options = {"dtype": torch.float32}
    return SentenceTransformer(str(EMBEDDERS / "tiny-embed"), device="cpu", model_kwargs=options)


@pytest.fixture(scope="module")
def reranker() -> Iterator[Any]:
    path = ROOT / "user_data" / "rerank_models" / "tiny-rerank"
    model = load_media("rerank", installed(path, "cross_encoder"), CPU)
    yield model
    model.close()


def unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def embed(model: Any, texts: list[str]) -> Any:
    return unit(model.embed(model.encode(texts)))


def test_vectors_are_those_of_sentence_transformers(transformer: Any, reference: Any) -> None:
    expected = reference.encode(TEXTS, show_progress_bar=False)
    found = embed(transformer, TEXTS)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 1e-5


def test_gguf_vectors_are_those_of_the_same_model_in_transformers(
    gguf: Any, reference: Any
) -> None:
    expected = unit(reference.encode(TEXTS, show_progress_bar=False))
    found = embed(gguf, TEXTS)
    assert (found * expected).sum(axis=1).min() > 0.99999
    assert np.abs(found - expected).max() < 2e-3


def test_gguf_vectors_are_those_of_llama_cpp(gguf: Any) -> None:
    from llama_cpp import Llama

    peer = Llama(str(EMBEDDERS / "tiny-embed-F16.gguf"), embedding=True, verbose=False)
    expected = np.array([peer.embed(text, normalize=True) for text in TEXTS])
    peer.close()
    assert np.abs(embed(gguf, TEXTS) - expected).max() < 1e-3


def test_a_text_has_the_same_vector_alone_and_among_others(embedder: Any) -> None:
    many = TEXTS * 30  # more than one step, and more than one batch of padded rows
    together = embed(embedder, many)
    alone = np.concatenate([embed(embedder, [text]) for text in TEXTS])
    assert np.abs(together - np.concatenate([alone] * 30)).max() < 1e-3
    assert (together * np.concatenate([alone] * 30)).sum(axis=1).min() > 0.99999


def test_ids_and_text_are_the_same_input(embedder: Any) -> None:
    (whole,) = embedder.encode([TEXTS[0]])
    bare = whole.ids[1:-1]
    assert embedder.encode_ids(bare).ids == whole.ids, "special tokens are added"
    assert embedder.encode_ids(whole.ids).ids == whole.ids, "and not twice"
    assert (embedder.embed([whole]) == embedder.embed([embedder.encode_ids(bare)])).all()


def test_both_libraries_read_a_text_as_the_same_ids(transformer: Any, gguf: Any) -> None:
    found = [[text.ids for text in model.encode(TEXTS)] for model in (transformer, gguf)]
    assert found[0] == found[1]


def test_what_the_model_takes_is_known(embedder: Any, reference: Any) -> None:
    traits = embedder.traits
    assert traits.max_tokens == reference.max_seq_length == 128
    assert traits.dimensions == 96
    assert traits.vocabulary_size == 1600


def test_nothing_is_cut_unasked_and_special_tokens_stay(embedder: Any) -> None:
    (long,) = embedder.encode(["The river is long. " * 100])
    assert long.size > 400
    first = embedder.cut(long, 20)
    last = embedder.cut(long, 20, keeps_end=True)
    assert first.ids == long.ids[:19] + array("i", [3])
    assert last.ids == array("i", [2]) + long.ids[-19:]
    assert embedder.embed([first, last]).shape == (2, 96)


def test_a_cut_text_is_what_the_library_cuts_it_to(transformer: Any, reference: Any) -> None:
    long = "The river is long and the old house is near. " * 40
    (whole,) = transformer.encode([long])
    cut = transformer.cut(whole, 128)
    expected = reference.encode([long], show_progress_bar=False)
    assert np.abs(unit(transformer.embed([cut])) - expected).max() < 1e-5


def test_a_prompt_stands_before_the_text(transformer: Any, reference: Any) -> None:
    found = unit(transformer.embed(transformer.encode(["hello"], "Say this: ")))
    expected = reference.encode(["hello"], prompt="Say this: ", show_progress_bar=False)
    assert np.abs(found - expected).max() < 1e-5


def test_a_prompt_can_be_left_out_of_the_mean(tmp_path: Path) -> None:
    """As models of the Instructor family want it; texts with different prompts may then share a batch."""
    from sentence_transformers import SentenceTransformer

    made = SentenceTransformer(str(EMBEDDERS / "tiny-embed"), device="cpu").float()
    made[1].include_prompt = False
    made.save(str(tmp_path / "model"))
    model = load_media("embedding", installed(tmp_path / "model", "sentence_transformers"), CPU)
    texts = [*model.encode(["hello"], "Say this: "), *model.encode(["hello"])]
    found = unit(model.embed(texts))
    for vector, prompt in zip(found, ["Say this: ", ""], strict=True):
        expected = made.encode("hello", prompt=prompt, show_progress_bar=False)
        assert np.abs(vector - expected).max() < 1e-5
    model.close()


def test_models_that_take_no_ids_get_the_text(tmp_path: Path) -> None:
    """Static vectors: a table of words, no transformer."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(EMBEDDERS / "tiny-embed" / "tokenizer.json"))
    made = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    made.save(str(tmp_path / "static"))
    model = load_media("embedding", installed(tmp_path / "static", "sentence_transformers"), CPU)
    found = model.embed(model.encode(TEXTS))
    expected = made.encode(TEXTS, show_progress_bar=False)
    assert np.abs(found - expected).max() < 1e-5
    model.close()


def test_a_causal_gguf_model_pools_its_last_token(tmp_path: Path) -> None:
    """Such as Qwen3-Embedding: a cache that must be empty for each round. Made from the demo chat model."""
    from llama_cpp import LLAMA_POOLING_TYPE_LAST, Llama

    path = tmp_path / "causal.gguf"
    with_pooling(ROOT / "user_data" / "models" / "tiny-chat-Q8_0.gguf", path, "qwen3", 3)
    model = load_media("embedding", installed(path, "llamacpp"), CPU)
    plain = [text for text in TEXTS if text.isascii()]
    found = [embed(model, plain * 3), embed(model, plain[::-1])[::-1]]
    peer = Llama(
        str(ROOT / "user_data" / "models" / "tiny-chat-Q8_0.gguf"),
        embedding=True,
        pooling_type=LLAMA_POOLING_TYPE_LAST,
        verbose=False,
    )
    for vectors in (found[0][: len(plain)], found[1]):
        for vector, text in zip(vectors, model.encode(plain), strict=True):
            expected = np.array(peer.embed(text.text, normalize=True))
            assert (vector * expected).sum() > 0.999
    peer.close()
    model.close()


def with_pooling(source: Path, target: Path, architecture: str, pooling: int) -> None:
    """A copy of a GGUF file that says how its vectors are pooled."""
    from gguf import GGUFReader, GGUFValueType, GGUFWriter, PoolingType

    reader = GGUFReader(source)
    writer = GGUFWriter(target, architecture)
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        kind = field.types[0]
        inner = GGUFValueType(field.types[-1]) if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), GGUFValueType(kind), sub_type=inner)
    writer.add_pooling_type(PoolingType(pooling))
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_scores_are_those_of_the_cross_encoder(reranker: Any) -> None:
    from sentence_transformers import CrossEncoder

    path = ROOT / "user_data" / "rerank_models" / "tiny-rerank"
    query, documents = "What color is the sky?", ["The sky is blue.", "", "Dogs bark.", *TEXTS]
    peer = CrossEncoder(str(path), device="cpu")
    expected = peer.predict([(query, d) for d in documents], show_progress_bar=False)
    found = reranker.score(reranker.encode(query, documents))
    assert np.abs(np.array(found) - expected).max() < 1e-5
    assert 0 <= min(found) <= max(found) <= 1


def test_a_long_document_is_cut_as_the_cross_encoder_does_and_counted(reranker: Any) -> None:
    from sentence_transformers import CrossEncoder

    path = ROOT / "user_data" / "rerank_models" / "tiny-rerank"
    query, document = "What color is the sky?", "The sky is blue. " * 60
    (pair,) = reranker.encode(query, [document])
    assert pair.size == 128
    assert pair.cut_tokens > 150
    expected = CrossEncoder(str(path), device="cpu").predict([(query, document)])
    assert abs(reranker.score([pair])[0] - expected[0]) < 1e-5
    (shorter,) = reranker.encode(query, [document], 10)
    assert shorter.size < 30


def test_a_query_that_leaves_no_room_is_refused(reranker: Any) -> None:
    with pytest.raises(ContextLengthExceeded) as caught:
        reranker.encode("The sky is blue. " * 60, ["a"])
    assert caught.value.param == "query"
    with pytest.raises(RequestError):
        reranker.encode("x" * 10_000_000, ["a"])


@pytest.mark.parametrize(
    ("device", "words"), [("cuda:7", "cuda:7"), ("cuda", "CUDA"), ("mps", "mps")]
)
def test_a_device_that_is_not_there_is_named(device: str, words: str) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine has an accelerator")
    model = installed(EMBEDDERS / "tiny-embed", "sentence_transformers")
    with pytest.raises(LoadError, match=words):
        load_media("embedding", model, {"device": device})
    model = installed(EMBEDDERS / "tiny-embed-F16.gguf", "llamacpp")
    with pytest.raises(LoadError, match=device):
        load_media("embedding", model, {"device": device})


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    folder.mkdir()
    (folder / "config.json").write_bytes((EMBEDDERS / "tiny-embed" / "config.json").read_bytes())
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(LoadError, match="safetensors"):
        load_media("embedding", installed(folder, "sentence_transformers"), CPU)


def test_code_that_a_model_brings_is_never_run(tmp_path: Path) -> None:
    import json
    import shutil

    folder = tmp_path / "own-code"
    shutil.copytree(EMBEDDERS / "tiny-embed", folder)
    (folder / "evil.py").write_text("raise SystemExit('this ran')\n")
    config = json.loads((folder / "config.json").read_text())
    config |= {"auto_map": {"AutoModel": "evil.Model"}, "model_type": "its_own"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(LoadError, match="own-code"):
        load_media("embedding", installed(folder, "sentence_transformers"), CPU)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "evil.Model"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(LoadError, match="code of its own"):
        load_media("embedding", installed(folder, "sentence_transformers"), CPU)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "modules.json"])
def test_a_damaged_folder_is_an_error_with_its_name(tmp_path: Path, name: str) -> None:
    import shutil

    folder = tmp_path / "damaged"
    shutil.copytree(EMBEDDERS / "tiny-embed", folder)
    (folder / name).write_bytes(b"{")
    with pytest.raises(LoadError, match="damaged"):
        load_media("embedding", installed(folder, "sentence_transformers"), CPU)


def test_a_damaged_gguf_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes((EMBEDDERS / "tiny-embed-F16.gguf").read_bytes()[:200_000])
    with pytest.raises(LoadError):
        load_media("embedding", installed(path, "llamacpp"), CPU)


def test_a_gguf_reranker_is_not_taken_for_an_embedder(tmp_path: Path) -> None:
    """Its one number would pass for a vector."""
    source = ROOT / "user_data" / "embedding_models" / "tiny-embed-F16.gguf"
    key = b"bert.pooling_type" + (4).to_bytes(4, "little")  # an unsigned number follows
    head, mark, tail = source.read_bytes().partition(key)
    assert mark
    path = tmp_path / "reranker.gguf"
    path.write_bytes(head + mark + (4).to_bytes(4, "little") + tail[4:])
    installed = InstalledMedia(path.name, "llamacpp", path)
    with pytest.raises(LoadError, match="reranker"):
        load_media("embedding", installed, {"device": "cpu"})
