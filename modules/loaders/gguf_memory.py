"""How llama.cpp lays out the memory of a model, and how large it becomes.

The sizes of KV memories and states are llama.cpp's own arithmetic. What a step computes in was found by loading models of many
shapes: the largest of three moments in its graph (attention, feed-forward, logits), times the tokens that are computed together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules.core.errors import LoadError, RequestError
from modules.loaders.gguf_header import read_gguf_header
from modules.loaders.gguf_shape import GgufShape, read_shape
from modules.loaders.machine import memory_bytes
from modules.loaders.memory_estimate import MemoryEstimate
from modules.loaders.projectors import choose_projector

DEFAULT_CONTEXT = 8192
MIN_TOKENS_PER_SLOT = 256
KV_SHARE_OF_MEMORY = 0.25
CELLS_STEP = 256
FLOAT = 4
CACHE_BYTES: Mapping[str, float] = {
    "f32": 4,
    "f16": 2,
    "fp16": 2,
    "bf16": 2,
    "q8_0": 34 / 32,
    "q5_1": 24 / 32,
    "q5_0": 22 / 32,
    "q4_1": 20 / 32,
    "q4_0": 18 / 32,
    "iq4_nl": 18 / 32,
}
"""Of one value of the KV memory."""


@dataclass(frozen=True, slots=True)
class ContextLayout:
    """ctx_size and parallel as they will be. `separate`: bytes of KV memory if each slot had its own; `is_chosen`: nobody said which."""

    ctx_size: int
    parallel: int
    kv_unified: bool
    separate: float
    is_chosen: bool


def lay_out(shape: GgufShape, options: Mapping[str, Any]) -> ContextLayout:
    """What the options leave open is chosen from the model and the machine."""
    ctx_size = options["ctx_size"] or min(shape.trained, DEFAULT_CONTEXT)
    parallel, unified = options["parallel"], options["kv_unified"]
    separate = kv_bytes(shape, options, ctx_size, parallel, unified=False)
    is_chosen = unified is None
    if unified is None:
        unified = parallel > 1 and separate > KV_SHARE_OF_MEMORY * memory_bytes()
    if unified:
        parallel = min(parallel, max(1, ctx_size // MIN_TOKENS_PER_SLOT))
    return ContextLayout(ctx_size, parallel, unified, separate, is_chosen)


def kv_bytes(
    shape: GgufShape, options: Mapping[str, Any], ctx_size: int, slots: int, *, unified: bool
) -> int:
    full, window = _cells(shape, options, ctx_size, slots if unified else 1)
    key_bytes, value_bytes = (
        CACHE_BYTES[options[f"cache_type_{half}"] or options["cache_type"]] for half in "kv"
    )
    # Without flash attention values are stored transposed, and all layers' are as wide as the widest.
    widest = max((layer.values for layer in shape.layers), default=0)
    is_transposed = options["flash_attn"] == "off"
    of_slot = sum(
        (layer.keys * key_bytes + (widest if is_transposed else layer.values) * value_bytes)
        * (window if layer.is_sliding else full)
        for layer in shape.layers
        if layer.keys
    )
    states = sum(layer.state for layer in shape.layers) * FLOAT * slots
    return int(of_slot) * (1 if unified else slots) + states


def _cells(
    shape: GgufShape, options: Mapping[str, Any], ctx_size: int, sequences: int
) -> tuple[int, int]:
    """Of one memory that so many sequences share: places for tokens in layers that see all, and in those that see a window."""
    cells = _padded(ctx_size)
    seen = _padded(shape.window * sequences + options["ubatch_size"])
    return cells, cells if options["swa_full"] else min(cells, seen)


def buffer_bytes(shape: GgufShape, options: Mapping[str, Any], layout: ContextLayout) -> int:
    sequences = layout.parallel if layout.kv_unified else 1
    full, window = _cells(shape, options, layout.ctx_size, sequences)
    masked = (full if shape.has_full else 0) + (window if shape.has_sliding else 0)
    row = _row_with_flash(shape, masked)
    if options["flash_attn"] == "off":
        row = _row_without_flash(shape, masked, full if shape.has_full else window)
    logits = FLOAT * (shape.vocabulary + 2 * shape.width)
    rows = min(options["ubatch_size"], options["batch_size"])
    return rows * max(row, logits) + layout.parallel * shape.vocabulary * FLOAT


def _row_with_flash(shape: GgufShape, masked: int) -> int:
    """Bytes for one token: a mask of float16, and what is alive at once."""
    attention = 2 * shape.width + 3 * shape.queries
    return 2 * masked + FLOAT * max(attention, _forward(shape))


def _row_without_flash(shape: GgufShape, masked: int, cells: int) -> int:
    """A mask of float32, scores of all heads, and where each value goes (int64), since values are stored transposed."""
    places = 8 * max((layer.values for layer in shape.layers), default=0)
    attention = 3 * (shape.width + shape.queries) + shape.heads * cells
    return places + FLOAT * (masked + max(attention, _forward(shape)))


def _forward(shape: GgufShape) -> int:
    return 3 * shape.inner + 4 * shape.width


def estimate_gguf(path: Path, size: int, options: Mapping[str, Any]) -> MemoryEstimate:
    """`size`: bytes of all parts of the model. LoadError when it is none."""
    shape = read_shape(read_gguf_header(path, with_arrays=True))
    layout = lay_out(shape, options)
    kv = kv_bytes(shape, options, layout.ctx_size, layout.parallel, unified=layout.kv_unified)
    return MemoryEstimate(
        weights=size + _beside(path, options),
        kv=kv,
        buffers=buffer_bytes(shape, options, layout),
        ctx_size=layout.ctx_size,
        parallel=layout.parallel,
        kv_unified=layout.kv_unified,
    )


def _beside(path: Path, options: Mapping[str, Any]) -> int:
    """The projector; one that is not there is the load's to complain of."""
    try:
        projector = choose_projector(path, options["mmproj"])
    except RequestError:
        projector = None
    try:
        return projector.stat().st_size if projector else 0
    except OSError as error:
        raise LoadError(f"{path.name}: {error.strerror}") from None


def _padded(tokens: int) -> int:
    return -(-tokens // CELLS_STEP) * CELLS_STEP
