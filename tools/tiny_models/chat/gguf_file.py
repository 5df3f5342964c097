"""Writes the model as GGUF, the form that llama.cpp reads.

Also alone: python -m tools.tiny_models.chat.gguf_file FOLDER OUT.gguf Q8_0
"""

import argparse
import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf.quants import quantize
from safetensors.torch import load_file

from tools.tiny_models.chat.network import ROPE_THETA
from tools.tiny_models.chat.tokenizer import END, PAD

FILE_TYPES = {
    "F32": gguf.LlamaFileType.ALL_F32,
    "F16": gguf.LlamaFileType.MOSTLY_F16,
    "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}
# transformers' name of a layer's part: its name in GGUF
LAYER_PARTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
Q8_BLOCK = 32


def write_gguf(folder: Path, out: Path, kind: str) -> None:
    """`folder` holds the model in transformers' form; `kind` is a key of FILE_TYPES."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(out, "qwen3")
    _add_shape(writer, config)
    writer.add_file_type(FILE_TYPES[kind])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_tokenizer(writer, folder)
    _add_tensors(writer, folder, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_shape(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_name("tiny-chat")
    writer.add_license("mit")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(ROPE_THETA)


def _add_tokenizer(writer: gguf.GGUFWriter, folder: Path) -> None:
    """Token ids are positions in the list, so the vocabulary must have no gaps."""
    saved = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocab: dict[str, int] = dict(saved["model"]["vocab"])
    vocab |= {token["content"]: token["id"] for token in saved["added_tokens"]}
    tokens = sorted(vocab, key=vocab.__getitem__)
    if [vocab[token] for token in tokens] != list(range(len(tokens))):
        raise ValueError(f"The token ids in {folder} are not 0, 1, 2, ...")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(_token_types(saved["added_tokens"], len(tokens)))
    writer.add_token_merges([" ".join(merge) for merge in saved["model"]["merges"]])
    writer.add_eos_token_id(vocab[END])
    writer.add_pad_token_id(vocab[PAD])
    writer.add_eot_token_id(vocab[END])
    writer.add_add_bos_token(False)
    writer.add_chat_template((folder / "chat_template.jinja").read_text(encoding="utf-8"))


def _token_types(added_tokens: list[dict[str, Any]], count: int) -> list[int]:
    types = [int(gguf.TokenType.NORMAL)] * count
    for token in added_tokens:
        kind = gguf.TokenType.CONTROL if token["special"] else gguf.TokenType.USER_DEFINED
        types[token["id"]] = int(kind)
    return types


def _add_tensors(writer: gguf.GGUFWriter, folder: Path, kind: str) -> None:
    """Norms stay float32; what cannot be cut into blocks of Q8_0 becomes float16."""
    for name, tensor in load_file(folder / "model.safetensors").items():
        if name == "lm_head.weight":
            continue  # tied: llama.cpp takes the embedding
        values = tensor.float().numpy()
        if values.ndim == 1 or kind == "F32":
            writer.add_tensor(gguf_name(name), values)
        elif kind == "Q8_0" and values.shape[-1] % Q8_BLOCK == 0:
            q8 = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(gguf_name(name), quantize(values, q8), raw_dtype=q8)
        else:
            writer.add_tensor(gguf_name(name), values.astype(np.float16))


def gguf_name(name: str) -> str:
    """ "model.layers.3.mlp.up_proj.weight" becomes "blk.3.ffn_up.weight"."""
    name = name.removeprefix("model.")
    if name == "embed_tokens.weight":
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    _, layer, part = name.split(".", 2)
    return f"blk.{layer}.{LAYER_PARTS[part.removesuffix('.weight')]}.weight"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the model in transformers' form")
    parser.add_argument("out", type=Path, help="the file to write")
    parser.add_argument("kind", choices=FILE_TYPES)
    arguments = parser.parse_args()
    write_gguf(arguments.folder, arguments.out, arguments.kind)


if __name__ == "__main__":
    main()
