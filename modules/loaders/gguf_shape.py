"""What of a GGUF model decides how much memory it takes: read from its header, without loading it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from modules.core.errors import LoadError
from modules.loaders.gguf_header import SkippedArray

MAX_LAYERS = 10_000
MAX_NUMBER = 2**40
DEFAULT_TRAINED = 8192

# Architecture -> (a full layer comes every so many, the first layer is full). llama.cpp has these in its code; files seldom say.
SLIDING_PATTERNS: Mapping[str, tuple[int, bool]] = {
    "gemma2": (2, False),
    "gemma3": (6, False),
    "gemma3n": (5, False),
    "cohere2": (4, False),
    "gpt-oss": (2, False),
    "exaone4": (4, False),
    "olmo2": (4, False),
    "afmoe": (4, False),
    "llama4": (4, False),
    "smallthinker": (4, True),
}
FIXED_WINDOWS: Mapping[str, int] = {"llama4": 8192}
FULL_EVERY: Mapping[str, int] = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4}
"""Of architectures with a state: a layer with attention comes every so many."""


@dataclass(frozen=True, slots=True)
class LayerShape:
    """Values that a layer keeps for each token, and, for the whole past of a sequence, its state (float32)."""

    keys: int
    values: int
    is_sliding: bool = False
    state: int = 0


@dataclass(frozen=True, slots=True)
class GgufShape:
    """`window`: tokens that sliding layers see. `queries`: width of a token's queries; `inner`: of its feed-forward part."""

    layers: tuple[LayerShape, ...]
    trained: int
    window: int
    width: int
    inner: int
    heads: int
    queries: int
    vocabulary: int

    @property
    def has_full(self) -> bool:
        return any(layer.keys and not layer.is_sliding for layer in self.layers)

    @property
    def has_sliding(self) -> bool:
        return any(layer.keys and layer.is_sliding for layer in self.layers)


class _Fields:
    """The numbers below an architecture's prefix; what is missing or absurd counts as not there."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        self._header = header
        self.architecture = str(header.get("general.architecture", ""))

    def raw(self, key: str) -> Any:
        return self._header.get(f"{self.architecture}.{key}")

    def array(self, key: str) -> tuple[Any, ...]:
        value = self.raw(key)
        return cast("tuple[Any, ...]", value) if isinstance(value, tuple) else ()

    def number(self, key: str, default: int = 0) -> int:
        """Of an array its largest."""
        numbers = self.array(key) or (self.raw(key),)
        return max(default if number is None else _to_number(number) for number in numbers)

    def per_layer(self, key: str, layers: int, default: list[int] | None = None) -> list[int]:
        array = self.array(key)
        if len(array) >= layers > 0:
            return [_to_number(each) for each in array[:layers]]
        if self.raw(key) is None and default is not None:
            return default
        return [self.number(key)] * layers


def _to_number(value: Any) -> int:
    is_number = isinstance(value, int) and 0 <= value < MAX_NUMBER
    return int(value) if is_number else 0


def read_shape(header: Mapping[str, Any]) -> GgufShape:
    """`header` with arrays. LoadError when it has more layers than any model."""
    fields = _Fields(header)
    count = fields.number("block_count")
    if count > MAX_LAYERS:
        raise LoadError(f"The file says that the model has {count} layers: it is damaged")
    width = fields.number("embedding_length")
    heads = fields.number("attention.head_count")
    head = width // heads if heads else 0
    tokens = header.get("tokenizer.ggml.tokens")
    listed = tokens.length if isinstance(tokens, SkippedArray) else 0
    return GgufShape(
        layers=_layers(fields, count, head),
        trained=fields.number("context_length") or DEFAULT_TRAINED,
        window=_window(fields),
        width=width,
        inner=_inner(fields),
        heads=heads,
        queries=heads * fields.number("attention.key_length", head),
        vocabulary=fields.number("vocab_size") or listed,
    )


def _layers(fields: _Fields, count: int, head: int) -> tuple[LayerShape, ...]:
    heads = fields.per_layer("attention.head_count", count)
    kv_heads = fields.per_layer("attention.head_count_kv", count, heads)
    keys = fields.number("attention.key_length", head)
    values = fields.number("attention.value_length", head)
    sliding = _sliding(fields, count)
    state = _state(fields)
    stateful = _stateful(fields, kv_heads) if state else [False] * count
    shared = fields.number("attention.shared_kv_layers")
    layers: list[LayerShape] = []
    for i, kv in enumerate(kv_heads):
        attends = i < count - shared and not (stateful[i] and not all(stateful))
        layers.append(
            LayerShape(
                keys * kv if attends else 0,
                values * kv if attends else 0,
                sliding[i],
                state if stateful[i] else 0,
            )
        )
    return tuple(layers)


def _sliding(fields: _Fields, count: int) -> list[bool]:
    """Where a model's pattern is not known all its layers count as full, which is too much rather than too little."""
    if not _window(fields):
        return [False] * count
    pattern = fields.array("attention.sliding_window_pattern")
    if len(pattern) >= count > 0:
        return [bool(each) for each in pattern[:count]]
    every, is_first_full = SLIDING_PATTERNS.get(fields.architecture, (1, False))
    every = fields.number("attention.sliding_window_pattern") or every
    full = 0 if is_first_full else every - 1
    return [i % every != full for i in range(count)]


def _window(fields: _Fields) -> int:
    return FIXED_WINDOWS.get(fields.architecture, fields.number("attention.sliding_window"))


def _stateful(fields: _Fields, kv_heads: list[int]) -> list[bool]:
    """Which layers have a state: those without heads; or all but every so many; or all, beside their attention."""
    every = fields.number("full_attention_interval") or FULL_EVERY.get(fields.architecture, 0)
    if every:
        return [(i + 1) % every != 0 for i in range(len(kv_heads))]
    if 0 in kv_heads:
        return [kv == 0 for kv in kv_heads]
    return [True] * len(kv_heads)


def _state(fields: _Fields) -> int:
    """Values that a layer with a state keeps for each sequence (Mamba, RWKV, short convolutions)."""
    width = fields.number("embedding_length")
    if inner := fields.number("ssm.inner_size"):
        kernel = max(1, fields.number("ssm.conv_kernel"))
        size = fields.number("ssm.state_size")
        return (kernel - 1) * (inner + 2 * fields.number("ssm.group_count") * size) + inner * size
    if head := fields.number("wkv.head_size"):
        return width * (fields.number("token_shift_count", 2) + head)
    if kernel := fields.number("shortconv.l_cache"):
        return width * (kernel - 1)
    return 0


def _inner(fields: _Fields) -> int:
    """Of a mixture of experts, all that work at a token together."""
    used = fields.number("expert_used_count")
    experts = used * fields.number("expert_feed_forward_length")
    shared = fields.number("expert_shared_feed_forward_length")
    return max(
        fields.number("feed_forward_length"), experts + shared, 2 * fields.number("ssm.inner_size")
    )
