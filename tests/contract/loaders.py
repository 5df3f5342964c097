"""The loaders that must pass the contract: one line each."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules.engine.engine import Engine, LocalEngine
from modules.loaders.base import TextRunner
from modules.loaders.options import CACHE_TYPES, LOAD_OPTIONS_BY_NAME, ROPE_SCALINGS, SPLIT_MODES
from modules.loaders.registry import LOADERS, check_load_args, default_load_args
from modules.settings import ROOT

DEMO_MODELS = ROOT / "user_data" / "models"


@dataclass(frozen=True)
class LoaderCase:
    """`small`: options for a memory of about 512 tokens that its requests share.

    `risky`: options at the ends of their ranges, or that the library may not like together. `weights`: the file with them, where
    `path` is a folder.
    """

    loader: str
    path: Path
    small: Mapping[str, Any]
    risky: tuple[Mapping[str, Any], ...]
    weights: str = ""

    def load(self, **options: Any) -> TextRunner:
        """Options about the memory's layout that this loader does not have are left out."""
        options = {
            name: value
            for name, value in options.items()
            if name not in LAYOUT or name in LOAD_OPTIONS_BY_NAME[self.loader]
        }
        args = default_load_args(self.loader) | check_load_args(self.loader, options)
        return LOADERS[self.loader]()(self.path, self.path.name, args, lambda _share: True)

    @contextmanager
    def opened(self) -> Iterator["LoaderCase"]:
        """Nothing is kept for it between its loads."""
        yield self

    def serve(self, **options: Any) -> Engine:
        return LocalEngine(self.load(**options))

    def cut(self, folder: Path, size: int) -> Path:
        """The model with only the first bytes of its weights."""
        target = folder / f"cut{self.path.suffix}"
        if self.path.is_dir():
            shutil.copytree(self.path, target)
        source = self.path / self.weights
        (target / self.weights).write_bytes(source.read_bytes()[:size])
        return target


LAYOUT = ("kv_unified", "ubatch_size")

CASES = (
    LoaderCase(
        "llamacpp",
        DEMO_MODELS / "tiny-chat-Q8_0.gguf",
        {"ctx_size": 512, "parallel": 2, "kv_unified": True},
        (
            *({"cache_type": kind} for kind in CACHE_TYPES),
            *({"cache_type_k": kind, "flash_attn": "off"} for kind in CACHE_TYPES),
            *({"cache_type_v": kind, "flash_attn": "on"} for kind in CACHE_TYPES),
            *({"rope_scaling": kind, "rope_freq_base": 1e12} for kind in ROPE_SCALINGS),
            *({"split_mode": mode, "n_gpu_layers": 10_000} for mode in SPLIT_MODES),
            {"rope_freq_scale": 1e3},
            {"ctx_size": 1},
            {"ctx_size": 255, "parallel": 256},
            {"ctx_size": 300, "parallel": 256, "kv_unified": True},
            {"batch_size": 32, "ubatch_size": 32, "parallel": 64, "ctx_size": 256},
            {"batch_size": 32, "ubatch_size": 64},
            {"prompt_budget": 65_536},
            {"threads": 64, "threads_batch": 1},
            {"mmap": False, "mlock": True, "check_tensors": True, "swa_full": True},
            {"main_gpu": 99, "offload_kqv": False},
            {"tensor_split": ["nan"] * 200},
            {"tensor_split": ["x"]},
        ),
    ),
    LoaderCase(
        "transformers",
        DEMO_MODELS / "tiny-chat",
        {"ctx_size": 512, "parallel": 2},
        (
            *({"dtype": kind} for kind in ("bfloat16", "float16", "float32")),
            {"attn_implementation": "eager"},
            {"ctx_size": 1},
            {"ctx_size": 255, "parallel": 256},
            {"batch_size": 32, "prompt_budget": 65_536},
            {"device_map": "moon"},
            {"device_map": "cuda:99"},
            {"load_in_8bit": True},
            {"load_in_4bit": True},
            {"load_in_4bit": True, "load_in_8bit": True},
            {"trust_remote_code": True, "cpu": True},
        ),
        weights="model.safetensors",
    ),
)
