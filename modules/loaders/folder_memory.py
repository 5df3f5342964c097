"""How much memory transformers takes for a folder of safetensors. torch is not asked, so that nothing is imported for it."""

import json
import os
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, cast

from modules.core.errors import DamagedFile, LoadError
from modules.loaders.machine import has_gpu
from modules.loaders.memory_estimate import MemoryEstimate

DEFAULT_CONTEXT = 8192
MAX_HEADER = 100 * 2**20
MAX_CONFIG = 16 * 2**20
MAX_NUMBER = 2**40
FLOAT = 4
WIDTHS: Mapping[str, float] = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2}
DTYPES: Mapping[str, int] = {"float32": 4, "float16": 2, "bfloat16": 2}
BITS_8, BITS_4 = 1.05, 0.58
"""Bytes of a weight with its scales, some layers left as they were."""


def estimate_folder(path: Path, options: Mapping[str, Any]) -> MemoryEstimate:
    """LoadError when the configuration or the weights cannot be read.

    The KV memory grows with what is in it: told is what it can grow to.
    """
    config = _text_config(_read_json(path / "config.json"))
    own, weights = _weights(path)
    on_cpu = options["cpu"] or options["device_map"] == "cpu" or not has_gpu()
    width = DTYPES.get(options["dtype"]) or (FLOAT if on_cpu else _own_width(own, weights))
    ctx_size = options["ctx_size"] or min(
        _number(config, "max_position_embeddings") or DEFAULT_CONTEXT, DEFAULT_CONTEXT
    )
    kv = _kv_of_token(config) * width * ctx_size * options["parallel"]
    return MemoryEstimate(
        weights=_weights_bytes(weights, width, options),
        kv=int(kv),
        buffers=_buffers(config, options, ctx_size),
        ctx_size=ctx_size,
        parallel=options["parallel"],
    )


def _weights_bytes(count: int, width: float, options: Mapping[str, Any]) -> int:
    if options["load_in_4bit"]:
        return int(count * BITS_4)
    return int(count * (BITS_8 if options["load_in_8bit"] else width))


def _own_width(size: float, count: int) -> float:
    return size / count if count else FLOAT


def _kv_of_token(config: Mapping[str, Any]) -> int:
    """Values, of keys and values in all layers."""
    heads = _number(config, "num_attention_heads") or 1
    kv_heads = _number(config, "num_key_value_heads") or heads
    head = _number(config, "head_dim") or _number(config, "hidden_size") // heads
    return 2 * kv_heads * head * _number(config, "num_hidden_layers")


def _buffers(config: Mapping[str, Any], options: Mapping[str, Any], ctx_size: int) -> int:
    """Of a step with as many tokens of prompts as it may have: activations and mask, and float32 logits of the slots.

    Twice, since memory that was freed is seldom given back to the system at once: found by measuring.
    """
    rows = min(options["batch_size"], options["prompt_budget"], ctx_size * options["parallel"])
    inner = _number(config, "intermediate_size") or 4 * _number(config, "hidden_size")
    values = 3 * inner + 8 * _number(config, "hidden_size")
    logits = options["parallel"] * _number(config, "vocab_size")
    return 2 * (rows * (values * FLOAT + ctx_size) + 2 * logits * FLOAT)


def _text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of models with several parts the one that writes."""
    inner = config.get("text_config")
    return cast("Mapping[str, Any]", inner) if isinstance(inner, dict) else config


def _number(config: Mapping[str, Any], key: str) -> int:
    value = config.get(key)
    return value if type(value) is int and 0 < value < MAX_NUMBER else 0


def count_folder_weights(path: Path) -> int:
    """LoadError when they cannot be read."""
    return _weights(path)[1]


def read_folder_config(path: Path) -> Mapping[str, Any]:
    """The configuration, of models with several parts that of the one that writes. LoadError when it cannot be read."""
    return _text_config(_read_json(path / "config.json"))


def _weights(path: Path) -> tuple[float, int]:
    """Bytes as they are stored, and how many weights they are."""
    size, count = 0.0, 0
    for file in sorted(path.glob("*.safetensors")):
        for tensor in _tensors(file):
            number = prod(tensor["shape"])
            count += number
            size += number * WIDTHS.get(tensor["dtype"], 1)
    return size, count


def _tensors(file: Path) -> list[dict[str, Any]]:
    """Format: 8 bytes with the length of a JSON header, which names each tensor with dtype and shape."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > MAX_HEADER:
                raise ValueError("the header is too long")
            header = json.loads(stream.read(length))
            size = stream.seek(0, os.SEEK_END)
        tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
        for tensor in tensors:
            if not all(type(side) is int and 0 <= side < MAX_NUMBER for side in tensor["shape"]):
                raise ValueError("a shape is wrong")
            _ = str(tensor["dtype"])
            if 8 + length + tensor.get("data_offsets", (0, 0))[1] > size:
                raise ValueError("weights lie beyond the end of the file")
    except OSError as error:
        raise LoadError(f"{file.name} cannot be read: {error.strerror}") from None
    except (struct.error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise DamagedFile(file.name) from None
    return tensors


def _read_json(file: Path) -> Mapping[str, Any]:
    try:
        with file.open("rb") as stream:
            found: Any = json.loads(stream.read(MAX_CONFIG))
    except OSError as error:
        raise LoadError(f"{file.name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise LoadError(f"{file.name} is no JSON") from None
    if not isinstance(found, dict):
        raise LoadError(f"{file.name} has no keys")
    return cast("Mapping[str, Any]", found)
