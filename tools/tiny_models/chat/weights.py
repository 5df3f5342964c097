"""Reads and writes the model in the form of transformers: safetensors and JSON."""

import json
from pathlib import Path

from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import Qwen3Config, Qwen3ForCausalLM

from tools.tiny_models.chat.network import NORM_EPSILON, ROPE_THETA, Network, NetworkShape
from tools.tiny_models.chat.tokenizer import END, PAD

CONTEXT_LENGTH = 2048


def load_weights(network: Network, folder: Path) -> None:
    """Weights of any float type become float32, in which training goes on."""
    saved = load_file(folder / "model.safetensors")
    weights = {name.removeprefix("model."): tensor.float() for name, tensor in saved.items()}
    weights.pop("lm_head.weight", None)  # tied: the embedding again
    network.load_state_dict(weights)


def save_model(network: Network, tokenizer: Tokenizer, folder: Path) -> None:
    """Writes config.json, generation_config.json and model.safetensors in float16."""
    end, pad = tokenizer.token_to_id(END), tokenizer.token_to_id(PAD)
    model = Qwen3ForCausalLM(_config(network.shape, end, pad))
    weights = {"model." + name: tensor for name, tensor in network.state_dict().items()}
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model.load_state_dict(weights)
    model.half().save_pretrained(folder)
    generation = {"eos_token_id": [end, pad], "pad_token_id": pad, "do_sample": False}
    (folder / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")


def _config(shape: NetworkShape, end: int, pad: int) -> Qwen3Config:
    config = Qwen3Config(
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden,
        intermediate_size=shape.ffn,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        max_position_embeddings=CONTEXT_LENGTH,
        tie_word_embeddings=True,
        rms_norm_eps=NORM_EPSILON,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
    )
    config.rope_parameters = {"rope_type": "default", "rope_theta": ROPE_THETA}
    return config
