"""Tiny GGUF models with random weights, one for each kind of KV memory that llama.cpp has."""

from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np

from modules.settings import ROOT

DEMO = ROOT / "user_data" / "models" / "tiny-chat-Q8_0.gguf"
WIDTH, LAYERS, WINDOW, CONTEXT = 64, 3, 64, 2048


class Writer:
    """A GGUF file with the demo model's vocabulary; `renamed`: control tokens that have another text in it."""

    def __init__(
        self,
        path: Path,
        architecture: str,
        norm: float = 1.0,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        self.gguf = gguf.GGUFWriter(path, architecture)
        self._random = np.random.default_rng(3)
        reader = gguf.GGUFReader(DEMO)
        strings = {
            name: [bytes(field.parts[i]).decode() for i in field.data]
            for name in ("tokens", "merges")
            if (field := reader.fields[f"tokenizer.ggml.{name}"])
        }
        kinds = reader.fields["tokenizer.ggml.token_type"]
        self.vocabulary = len(strings["tokens"])
        self.gguf.add_context_length(CONTEXT)
        self.gguf.add_embedding_length(WIDTH)
        self.gguf.add_block_count(LAYERS)
        self.gguf.add_tokenizer_model("gpt2")
        self.gguf.add_tokenizer_pre("qwen2")
        self.gguf.add_token_list([(renamed or {}).get(text, text) for text in strings["tokens"]])
        self.gguf.add_token_types([int(kinds.parts[i][0]) for i in kinds.data])
        self.gguf.add_token_merges(strings["merges"])
        self.gguf.add_eos_token_id(strings["tokens"].index("<|im_end|>"))
        self.gguf.add_add_bos_token(False)
        self.matrix("token_embd.weight", self.vocabulary, WIDTH, scale=1.0)
        self.constant("output_norm.weight", WIDTH, value=norm)

    def matrix(self, name: str, *shape: int, scale: float | None = None) -> None:
        scale = scale or 1.5 / float(np.sqrt(shape[-1]))
        values = self._random.standard_normal(shape) * scale
        self.gguf.add_tensor(name, values.astype(np.float32))

    def constant(self, name: str, *shape: int, value: float = 1.0) -> None:
        self.gguf.add_tensor(name, np.full(shape, value, np.float32))

    def finish(self) -> None:
        self.gguf.write_header_to_file()
        self.gguf.write_kv_data_to_file()
        self.gguf.write_tensors_to_file()
        self.gguf.close()


def write_sliding_window(path: Path, norm: float = 1.0) -> None:
    """Cohere2's layout: most layers only see the last WINDOW tokens. `norm`: the last weights."""
    writer = Writer(path, "cohere2", norm)
    out = writer.gguf
    out.add_feed_forward_length(2 * WIDTH)
    out.add_head_count(2)
    out.add_head_count_kv(2)
    out.add_rope_freq_base(1e4)
    out.add_layer_norm_eps(1e-5)
    out.add_logit_scale(1.0)
    out.add_uint32("cohere2.attention.sliding_window", WINDOW)
    out.add_rope_dimension_count(WIDTH // 2)
    for i in range(LAYERS):
        writer.constant(f"blk.{i}.attn_norm.weight", WIDTH)
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.matrix(f"blk.{i}.{part}.weight", WIDTH, WIDTH)
        writer.matrix(f"blk.{i}.ffn_gate.weight", 2 * WIDTH, WIDTH)
        writer.matrix(f"blk.{i}.ffn_up.weight", 2 * WIDTH, WIDTH)
        writer.matrix(f"blk.{i}.ffn_down.weight", WIDTH, 2 * WIDTH)
    writer.finish()


def write_recurrent(path: Path) -> None:
    """Mamba's layout: a state that holds the whole past and cannot be cut back."""
    writer = Writer(path, "mamba")
    out = writer.gguf
    inner, state, rank = 2 * WIDTH, 8, 4
    out.add_feed_forward_length(0)
    out.add_head_count(0)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_ssm_conv_kernel(4)
    out.add_ssm_inner_size(inner)
    out.add_ssm_state_size(state)
    out.add_ssm_time_step_rank(rank)
    for i in range(LAYERS):
        prefix = f"blk.{i}."
        writer.constant(prefix + "attn_norm.weight", WIDTH)
        writer.matrix(prefix + "ssm_in.weight", 2 * inner, WIDTH)
        writer.matrix(prefix + "ssm_conv1d.weight", inner, 4)
        writer.constant(prefix + "ssm_conv1d.bias", inner, value=0.1)
        writer.matrix(prefix + "ssm_x.weight", rank + 2 * state, inner)
        writer.matrix(prefix + "ssm_dt.weight", inner, rank)
        writer.constant(prefix + "ssm_dt.bias", inner, value=0.1)
        decay = -np.tile(np.arange(1, state + 1, dtype=np.float32), (inner, 1))
        out.add_tensor(prefix + "ssm_a", decay)
        writer.constant(prefix + "ssm_d", inner)
        writer.matrix(prefix + "ssm_out.weight", WIDTH, inner)
    writer.finish()


def write_embedder_header(path: Path) -> None:
    """As much of an embedding model as the loader looks at."""
    out = gguf.GGUFWriter(path, "bert")
    out.add_causal_attention(False)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.close()
