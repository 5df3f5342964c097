"""GGUF files of any shape with one value for all weights: for what depends on sizes alone, such as memory."""

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from tests.contract.memory_models import DEMO


@dataclass(frozen=True)
class Shape:
    """Qwen 3's layout, or where `kv_heads` differ between the layers that of "deci". `vocabulary` is at least the demo model's."""

    width: int = 256
    layers: int = 4
    heads: int = 4
    kv_heads: int | tuple[int, ...] = 2
    inner: int = 768
    vocabulary: int = 4096
    context: int = 4096
    key_length: int = 0
    weight: float = 0.0

    @property
    def is_uneven(self) -> bool:
        return isinstance(self.kv_heads, tuple)

    @property
    def kv_heads_by_layer(self) -> tuple[int, ...]:
        return self.kv_heads if isinstance(self.kv_heads, tuple) else (self.kv_heads,) * self.layers


def write_shape(path: Path, shape: Shape) -> Path:
    out = gguf.GGUFWriter(path, "deci" if shape.is_uneven else "qwen3")
    head = shape.key_length or shape.width // shape.heads
    out.add_context_length(shape.context)
    out.add_embedding_length(shape.width)
    out.add_block_count(shape.layers)
    if shape.is_uneven:
        out.add_feed_forward_length([shape.inner] * shape.layers)
        out.add_head_count([shape.heads] * shape.layers)
        out.add_head_count_kv(list(shape.kv_heads_by_layer))
    else:
        out.add_feed_forward_length(shape.inner)
        out.add_head_count(shape.heads)
        out.add_head_count_kv(shape.kv_heads_by_layer[0])
    out.add_rope_freq_base(1e4)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_key_length(head)
    out.add_value_length(head)
    _add_vocabulary(out, shape.vocabulary)

    def matrix(name: str, *sides: int) -> None:
        kind = np.float16 if len(sides) > 1 else np.float32
        out.add_tensor(name, np.full(sides, shape.weight, kind))

    if shape.is_uneven:
        out.add_rope_dimension_count(head)
        matrix("output.weight", shape.vocabulary, shape.width)
    matrix("token_embd.weight", shape.vocabulary, shape.width)
    matrix("output_norm.weight", shape.width)
    for i, kv in enumerate(shape.kv_heads_by_layer):
        prefix = f"blk.{i}."
        matrix(f"{prefix}attn_norm.weight", shape.width)
        matrix(f"{prefix}ffn_norm.weight", shape.width)
        matrix(f"{prefix}attn_q.weight", head * shape.heads, shape.width)
        matrix(f"{prefix}attn_k.weight", head * kv, shape.width)
        matrix(f"{prefix}attn_v.weight", head * kv, shape.width)
        matrix(f"{prefix}attn_output.weight", shape.width, head * shape.heads)
        if not shape.is_uneven:
            matrix(f"{prefix}attn_q_norm.weight", head)
            matrix(f"{prefix}attn_k_norm.weight", head)
        matrix(f"{prefix}ffn_gate.weight", shape.inner, shape.width)
        matrix(f"{prefix}ffn_up.weight", shape.inner, shape.width)
        matrix(f"{prefix}ffn_down.weight", shape.width, shape.inner)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return path


def _add_vocabulary(out: gguf.GGUFWriter, size: int) -> None:
    """The demo model's, filled up with words that no text has."""
    reader = gguf.GGUFReader(DEMO)
    tokens, merges = (
        reader.fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges")
    )
    kinds = list(reader.fields["tokenizer.ggml.token_type"].contents())
    more = size - len(tokens)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("qwen2")
    out.add_token_list([*tokens, *(f"<unused{i}>" for i in range(more))])
    out.add_token_types([*kinds, *[int(gguf.TokenType.UNUSED)] * more])
    out.add_token_merges(merges)
    out.add_eos_token_id(tokens.index("<|im_end|>"))
    out.add_add_bos_token(False)
