"""LoRA adapters with random weights for the demo model, in both forms: each makes it say something else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from tests.contract.loaders import DEMO_MODELS
from tools.tiny_models.lora.gguf_file import write_adapter_gguf

CONFIG = json.loads((DEMO_MODELS / "tiny-chat" / "config.json").read_text(encoding="utf-8"))
WIDTH, INNER, HEAD = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["head_dim"]
QUERIES, KEYS = CONFIG["num_attention_heads"] * HEAD, CONFIG["num_key_value_heads"] * HEAD
# Linear layer -> (values in, values out).
SHAPES: Mapping[str, tuple[int, int]] = {
    "self_attn.q_proj": (WIDTH, QUERIES),
    "self_attn.k_proj": (WIDTH, KEYS),
    "self_attn.v_proj": (WIDTH, KEYS),
    "self_attn.o_proj": (QUERIES, WIDTH),
    "mlp.gate_proj": (WIDTH, INNER),
    "mlp.up_proj": (WIDTH, INNER),
    "mlp.down_proj": (INNER, WIDTH),
}
RANK, ALPHA = 4, 8


def write_adapter(
    folder: Path,
    seed: int,
    *,
    strength: float = 0.5,
    wider: int = 0,
    layers: int | None = None,
    **config: Any,
) -> Path:
    """`folder` as peft saves it, and beside it the GGUF file. `wider`: how much the inputs are too wide for the model."""
    rng = np.random.default_rng(seed)
    weights: dict[str, np.ndarray] = {}
    for layer in range(layers or CONFIG["num_hidden_layers"]):
        for part, (inputs, outputs) in SHAPES.items():
            name = f"base_model.model.model.layers.{layer}.{part}"
            a = rng.normal(0, 1, (RANK, inputs + wider)) / np.sqrt(inputs)
            b = rng.normal(0, strength, (outputs, RANK))
            weights[f"{name}.lora_A.weight"] = a.astype(np.float32)
            weights[f"{name}.lora_B.weight"] = b.astype(np.float32)
    folder.mkdir(parents=True)
    save_file(weights, folder / "adapter_model.safetensors")
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": RANK,
        "lora_alpha": ALPHA,
        "target_modules": [part.split(".")[1] for part in SHAPES],
        **config,
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    write_adapter_gguf(folder, folder.with_name(f"{folder.name}.gguf"))
    return folder
