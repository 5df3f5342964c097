"""The arithmetic of memory: every header and configuration gives a number or a LoadError, and the numbers add up.

What llama.cpp really takes is compared in tests/contract/test_memory_estimates.py.
"""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modules.core.errors import LoadError
from modules.loaders.catalog import InstalledModel
from modules.loaders.folder_memory import estimate_folder
from modules.loaders.gguf_header import SkippedArray
from modules.loaders.gguf_memory import kv_bytes, lay_out
from modules.loaders.gguf_shape import MAX_LAYERS, read_shape
from modules.loaders.machine import has_gpu, memory_bytes
from modules.loaders.memory import estimate_memory
from modules.loaders.registry import default_load_args

LLAMA = {
    "general.architecture": "llama",
    "llama.block_count": 32,
    "llama.embedding_length": 4096,
    "llama.attention.head_count": 32,
    "llama.attention.head_count_kv": 8,
    "llama.context_length": 131_072,
    "tokenizer.ggml.tokens": SkippedArray(128_256),
}


def options(**changes: Any) -> dict[str, Any]:
    return {**default_load_args("llamacpp"), **changes}


def test_the_numbers_that_everybody_knows_of_llama_3() -> None:
    shape = read_shape(LLAMA)
    assert kv_bytes(shape, options(), 8192, 1, unified=False) == 2**30
    assert kv_bytes(shape, options(cache_type="q8_0"), 8192, 1, unified=False) == 2**30 * 17 / 32
    assert kv_bytes(shape, options(), 8192, 4, unified=False) == 4 * 2**30
    assert kv_bytes(shape, options(), 8192, 4, unified=True) == 2**30
    assert shape.vocabulary == 128_256


@pytest.mark.parametrize(
    ("architecture", "fields", "sliding"),
    [
        ("gemma3", {}, [True] * 5 + [False] + [True] * 2),
        ("gemma2", {}, [True, False] * 4),
        ("smallthinker", {}, [False, True, True, True] * 2),
        ("unheard-of", {}, [False] * 8),
        ("unheard-of", {"sliding_window_pattern": 2}, [True, False] * 4),
        ("unheard-of", {"sliding_window_pattern": (True,) * 7 + (False,)}, [True] * 7 + [False]),
    ],
)
def test_which_layers_see_a_window_only(
    architecture: str, fields: dict[str, Any], sliding: list[bool]
) -> None:
    header: dict[str, Any] = {"general.architecture": architecture}
    base = {"sliding_window": 512, "head_count": 4, "head_count_kv": 2, **fields}
    header |= {f"{architecture}.attention.{key}": value for key, value in base.items()}
    header |= {f"{architecture}.block_count": 8, f"{architecture}.embedding_length": 64}
    shape = read_shape(header)
    assert [layer.is_sliding for layer in shape.layers] == sliding
    whole = kv_bytes(shape, options(swa_full=True), 8192, 1, unified=False)
    assert (kv_bytes(shape, options(), 8192, 1, unified=False) < whole) == any(sliding)


def test_layers_of_a_hybrid_have_either_heads_or_a_state() -> None:
    header = {
        "general.architecture": "jamba",
        "jamba.block_count": 4,
        "jamba.embedding_length": 64,
        "jamba.attention.head_count": 4,
        "jamba.attention.head_count_kv": (0, 2, 0, 0),
        "jamba.ssm.inner_size": 128,
        "jamba.ssm.state_size": 16,
        "jamba.ssm.conv_kernel": 4,
    }
    layers = read_shape(header).layers
    assert [bool(layer.keys) for layer in layers] == [False, True, False, False]
    assert [layer.state for layer in layers] == [
        3 * 128 + 128 * 16,
        0,
        3 * 128 + 128 * 16,
        3 * 128 + 128 * 16,
    ]


def test_slots_share_a_memory_when_separate_ones_would_take_too_much() -> None:
    shape = read_shape(LLAMA)
    slots = 256
    context = 8192
    assert kv_bytes(shape, options(), context, slots, unified=False) > memory_bytes() / 4
    layout = lay_out(shape, options(parallel=slots))
    assert (layout.kv_unified, layout.is_chosen) == (True, True)
    assert layout.parallel == context // 256
    assert not lay_out(shape, options(parallel=slots, kv_unified=False)).kv_unified


def test_more_layers_than_any_model_has_is_a_damaged_file() -> None:
    with pytest.raises(LoadError, match="damaged"):
        read_shape({**LLAMA, "llama.block_count": MAX_LAYERS + 1})


VALUES = st.one_of(
    st.integers(-(2**70), 2**70),
    st.text(max_size=5),
    st.floats(),
    st.booleans(),
    st.lists(st.integers(-5, 2**33), max_size=9).map(tuple),
    st.builds(SkippedArray, st.integers(0, 2**60)),
)
KEYS = st.sampled_from(
    [
        *("block_count", "embedding_length", "context_length", "vocab_size", "feed_forward_length"),
        *("attention.head_count", "attention.head_count_kv", "attention.key_length"),
        *("attention.sliding_window", "attention.sliding_window_pattern", "expert_used_count"),
        *("ssm.inner_size", "ssm.conv_kernel", "full_attention_interval", "wkv.head_size"),
        "attention.shared_kv_layers",
    ]
)


@given(st.dictionaries(KEYS, VALUES))
def test_no_header_makes_it_fail(fields: dict[str, Any]) -> None:
    header = {f"llama.{key}": value for key, value in fields.items()}
    if isinstance(header.get("llama.block_count"), int):
        header["llama.block_count"] %= 100
    try:
        shape = read_shape({"general.architecture": "llama", **header})
    except LoadError:
        return
    layout = lay_out(shape, options())
    assert kv_bytes(shape, options(), layout.ctx_size, layout.parallel, unified=True) >= 0


# -- folders of transformers -------------------------------------------------------------------

CONFIG = {
    "num_hidden_layers": 4,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 1000,
    "max_position_embeddings": 2048,
}


def write_folder(folder: Path, config: Any = None, **tensors: tuple[str, list[Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG if config is None else config))
    header = {name: {"dtype": kind, "shape": shape} for name, (kind, shape) in tensors.items()}
    data = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(data)) + data)
    return folder


def folder_options(**changes: Any) -> dict[str, Any]:
    return {**default_load_args("transformers"), **changes}


def test_weights_count_in_the_format_they_are_computed_in(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", a=("BF16", [100, 10]), b=("BF16", [24]))
    assert estimate_folder(folder, folder_options(cpu=True)).weights == 1024 * 4
    assert estimate_folder(folder, folder_options(dtype="float16")).weights == 1024 * 2
    quantised = estimate_folder(folder, folder_options(load_in_4bit=True)).weights
    assert 1024 / 2 < quantised < 1024


def test_the_kv_memory_is_what_it_can_grow_to(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m")
    told = estimate_folder(folder, folder_options(dtype="float16", parallel=3, ctx_size=100))
    assert told.kv == 2 * 4 * 2 * 16 * 2 * 300
    nested = write_folder(tmp_path / "n", {"text_config": CONFIG, "hidden_size": 1})
    assert (
        estimate_folder(nested, folder_options(dtype="float16", parallel=3, ctx_size=100)) == told
    )


def test_several_files_count_together(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", a=("F32", [10]))
    data = (folder / "model.safetensors").read_bytes()
    (folder / "second.safetensors").write_bytes(data)
    assert estimate_folder(folder, folder_options(cpu=True)).weights == 80


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        struct.pack("<Q", 2**60),
        struct.pack("<Q", 5) + b"{",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 9) + b'{"a":[1]}',
        struct.pack("<Q", 33) + b'{"a":{"dtype":"F32","shape":[-1]}}'[:33],
        struct.pack("<Q", 34) + b'{"a":{"dtype":"F32","shape":[-1]}}',
        struct.pack("<Q", 15) + b'{"a":{"shape":5',
    ],
)
def test_damaged_weights_are_a_load_error(tmp_path: Path, data: bytes) -> None:
    folder = write_folder(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(LoadError, match=r"model\.safetensors"):
        estimate_folder(folder, folder_options())


@pytest.mark.parametrize("text", ["", "[]", "{", "5", "[" * 100_000])
def test_a_configuration_that_is_none_is_a_load_error(tmp_path: Path, text: str) -> None:
    folder = write_folder(tmp_path / "m")
    (folder / "config.json").write_text(text)
    with pytest.raises(LoadError, match=r"config\.json"):
        estimate_folder(folder, folder_options())


@pytest.mark.parametrize("value", [None, "x", -5, 0, 2**70, True, [4], 0.5])
def test_absurd_numbers_count_as_not_there(tmp_path: Path, value: Any) -> None:
    for key in CONFIG:
        folder = write_folder(tmp_path / "m", {**CONFIG, key: value})
        assert estimate_folder(folder, folder_options()).total >= 0


def test_of_a_loader_without_arithmetic_the_files_count(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"x" * 123)
    told = estimate_memory(InstalledModel("m.gguf", path, "another"), {})
    assert told.total == 123


def test_a_gpu_is_seen_by_its_devices(tmp_path: Path) -> None:
    device = tmp_path / "nvidiactl"
    assert not has_gpu((str(device),))
    device.write_text("")
    assert has_gpu((str(device),))
