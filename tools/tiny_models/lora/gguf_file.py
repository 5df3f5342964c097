"""Writes an adapter as GGUF, the form that llama.cpp reads.

Also alone: python -m tools.tiny_models.lora.gguf_file FOLDER OUT.gguf
"""

import argparse
import json
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

from tools.tiny_models.chat.gguf_file import gguf_name

ARCHITECTURE = "qwen3"
PREFIX = "base_model.model."
HALVES = {".lora_A.weight": ".lora_a", ".lora_B.weight": ".lora_b"}


def write_adapter_gguf(folder: Path, out: Path) -> None:
    """`folder`: as peft saves it; only linear layers may have been adapted."""
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(out, ARCHITECTURE)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_name(folder.name)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(config["lora_alpha"]))
    for name, values in sorted(load_file(folder / "adapter_model.safetensors").items()):
        writer.add_tensor(adapter_tensor_name(name), values.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def adapter_tensor_name(name: str) -> str:
    """ "base_model.model.model.layers.3.mlp.up_proj.lora_A.weight" becomes "blk.3.ffn_up.weight.lora_a"."""
    half = next(half for half in HALVES if name.endswith(half))
    return gguf_name(name.removeprefix(PREFIX).removesuffix(half) + ".weight") + HALVES[half]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the adapter as peft saves it")
    parser.add_argument("out", type=Path, help="the file to write")
    arguments = parser.parse_args()
    write_adapter_gguf(arguments.folder, arguments.out)


if __name__ == "__main__":
    main()
