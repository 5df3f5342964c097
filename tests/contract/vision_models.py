"""Tiny vision models with random weights, for what the bundled one does not need: pictures whose rows share positions, or see each other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from tests.contract.memory_models import LAYERS, WIDTH, Writer

EYE_WIDTH, EYE_LAYERS, HEADS = 64, 2, 2


def write_language_model(
    path: Path,
    architecture: str,
    *,
    sections: tuple[int, ...] = (),
    renamed: Mapping[str, str] | None = None,
) -> None:
    """Qwen2's layout; `sections`: of the rotated dimensions, for time, height and width (M-RoPE)."""
    writer = Writer(path, architecture, renamed=renamed)
    out = writer.gguf
    out.add_feed_forward_length(2 * WIDTH)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_rope_freq_base(1e4)
    out.add_layer_norm_rms_eps(1e-5)
    if sections:
        out.add_rope_dimension_sections(sections)
    for i in range(LAYERS):
        writer.constant(f"blk.{i}.attn_norm.weight", WIDTH)
        writer.constant(f"blk.{i}.ffn_norm.weight", WIDTH)
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.matrix(f"blk.{i}.{part}.weight", WIDTH, WIDTH)
            if part != "attn_output":
                writer.constant(f"blk.{i}.{part}.bias", WIDTH, value=0.1)
        writer.matrix(f"blk.{i}.ffn_gate.weight", 2 * WIDTH, WIDTH)
        writer.matrix(f"blk.{i}.ffn_up.weight", 2 * WIDTH, WIDTH)
        writer.matrix(f"blk.{i}.ffn_down.weight", WIDTH, 2 * WIDTH)
    writer.finish()


class EyeWriter:
    """A projector's file: a vision transformer, and what `kind` puts behind it."""

    def __init__(self, path: Path, kind: str, *, image_size: int, patch_size: int) -> None:
        self.gguf = gguf.GGUFWriter(path, "clip")
        self._random = np.random.default_rng(5)
        self._patch = patch_size
        out = self.gguf
        out.add_type("mmproj")
        out.add_bool("clip.has_vision_encoder", True)
        out.add_bool("clip.use_gelu", True)
        out.add_string("clip.projector_type", kind)
        numbers: dict[str, Any] = {
            "projection_dim": WIDTH,
            "image_size": image_size,
            "patch_size": patch_size,
            "embedding_length": EYE_WIDTH,
            "feed_forward_length": 2 * EYE_WIDTH,
            "block_count": EYE_LAYERS,
            "attention.head_count": HEADS,
        }
        for key, value in numbers.items():
            out.add_uint32(f"clip.vision.{key}", value)
        out.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
        out.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
        out.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
        self._blocks()

    def matrix(self, name: str, *shape: int) -> None:
        scale = 1.5 / float(np.sqrt(np.prod(shape[1:])))
        values = self._random.standard_normal(shape) * scale
        self.gguf.add_tensor(name, values.astype(np.float32))

    def constant(self, name: str, *shape: int, value: float = 1.0) -> None:
        self.gguf.add_tensor(name, np.full(shape, value, np.float32))

    def patches(self, name: str) -> None:
        self.matrix(name, EYE_WIDTH, 3, self._patch, self._patch)

    def finish(self) -> None:
        self.gguf.write_header_to_file()
        self.gguf.write_kv_data_to_file()
        self.gguf.write_tensors_to_file()
        self.gguf.close()

    def _blocks(self) -> None:
        for i in range(EYE_LAYERS):
            prefix = f"v.blk.{i}."
            for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
                self.matrix(f"{prefix}{part}.weight", EYE_WIDTH, EYE_WIDTH)
                self.constant(f"{prefix}{part}.bias", EYE_WIDTH, value=0.1)
            for part in ("ln1", "ln2"):
                self.constant(f"{prefix}{part}.weight", EYE_WIDTH)
                self.constant(f"{prefix}{part}.bias", EYE_WIDTH, value=0.1)
            self.matrix(f"{prefix}ffn_up.weight", 2 * EYE_WIDTH, EYE_WIDTH)
            self.constant(f"{prefix}ffn_up.bias", 2 * EYE_WIDTH, value=0.1)
            self.matrix(f"{prefix}ffn_down.weight", EYE_WIDTH, 2 * EYE_WIDTH)
            self.constant(f"{prefix}ffn_down.bias", EYE_WIDTH, value=0.1)


def write_shared_positions(folder: Path) -> Path:
    """Qwen2-VL's layout: four pixels of a picture make a row, and all rows of a picture have the same time."""
    write_language_model(folder / "mrope.gguf", "qwen2vl", sections=(8, 4, 4, 0))
    writer = EyeWriter(folder / "mrope-mmproj.gguf", "qwen2vl_merger", image_size=112, patch_size=8)
    writer.patches("v.patch_embd.weight")
    writer.patches("v.patch_embd.weight.1")
    writer.constant("v.post_ln.weight", EYE_WIDTH)
    writer.constant("v.post_ln.bias", EYE_WIDTH, value=0.1)
    writer.matrix("mm.0.weight", 4 * EYE_WIDTH, 4 * EYE_WIDTH)
    writer.constant("mm.0.bias", 4 * EYE_WIDTH, value=0.1)
    writer.matrix("mm.2.weight", WIDTH, 4 * EYE_WIDTH)
    writer.constant("mm.2.bias", WIDTH, value=0.1)
    writer.finish()
    return folder / "mrope.gguf"


def write_seeing_each_other(folder: Path) -> Path:
    """Gemma 3's layout: the rows of a picture attend to each other in both directions, between marks of text."""
    write_language_model(folder / "whole.gguf", "qwen2")
    writer = EyeWriter(folder / "whole-mmproj.gguf", "gemma3", image_size=128, patch_size=4)
    writer.patches("v.patch_embd.weight")
    writer.constant("v.patch_embd.bias", EYE_WIDTH, value=0.1)
    writer.matrix("v.position_embd.weight", (128 // 4) ** 2, EYE_WIDTH)
    writer.constant("v.post_ln.weight", EYE_WIDTH)
    writer.constant("v.post_ln.bias", EYE_WIDTH, value=0.1)
    writer.matrix("mm.input_projection.weight", EYE_WIDTH, WIDTH)
    writer.constant("mm.soft_emb_norm.weight", EYE_WIDTH)
    writer.finish()
    return folder / "whole.gguf"


SLICE_MARKS = {
    "<|image_pad|>": "<fake_token_around_image>",
    "<|vision_start|>": "<global-img>",
    "<|vision_end|>": "<row_1_col_1>",
    "<think>": "<row_1_col_2>",
    "</think>": "<row_2_col_1>",
    "<tool_call>": "<row_2_col_2>",
}


def write_sliced(folder: Path, marks: Mapping[str, str] = SLICE_MARKS) -> Path:
    """Idefics 3's layout: a large picture is cut into slices, each with a mark of text before it."""
    write_language_model(folder / "sliced.gguf", "qwen2", renamed=marks)
    writer = EyeWriter(folder / "sliced-mmproj.gguf", "idefics3", image_size=64, patch_size=8)
    writer.gguf.add_uint32("clip.vision.projector.scale_factor", 2)
    writer.gguf.add_uint32("clip.vision.preproc_image_size", 128)
    writer.patches("v.patch_embd.weight")
    writer.constant("v.patch_embd.bias", EYE_WIDTH, value=0.1)
    writer.matrix("v.position_embd.weight", (64 // 8) ** 2, EYE_WIDTH)
    writer.constant("v.post_ln.weight", EYE_WIDTH)
    writer.constant("v.post_ln.bias", EYE_WIDTH, value=0.1)
    writer.matrix("mm.model.fc.weight", WIDTH, 4 * EYE_WIDTH)
    writer.finish()
    return folder / "sliced.gguf"
