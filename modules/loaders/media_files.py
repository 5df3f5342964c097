"""Which files and folders are models of which kind, and the loader of each; looks at names and configurations only."""

import json
from pathlib import Path
from typing import Any, cast

from modules.core.errors import LoadError
from modules.loaders.gguf_header import read_gguf_header

MAX_CONFIG_BYTES = 2**20
CHECKPOINTS = (".safetensors", ".ckpt")


def embedding_loader(path: Path) -> str | None:
    """A folder of sentence-transformers or of a transformers encoder, or a GGUF file of an embedding model."""
    if path.suffix == ".gguf" and path.is_file():
        return "llamacpp" if is_gguf_embedder(path) else None
    config = _config(path)
    if _has_architecture(config, "ForSequenceClassification"):
        return None  # a reranker, which has a modules.json too
    if (path / "modules.json").is_file():
        return "sentence_transformers"
    return "sentence_transformers" if "model_type" in config else None


def rerank_loader(path: Path) -> str | None:
    """A folder of a cross-encoder: transformers' classifier of pairs."""
    is_classifier = _has_architecture(_config(path), "ForSequenceClassification")
    return "cross_encoder" if is_classifier else None


def transcription_loader(path: Path) -> str | None:
    """A checkpoint of openai-whisper."""
    return "whisper" if path.suffix == ".pt" and path.is_file() else None


def image_loader(path: Path) -> str | None:
    """A folder of a diffusers pipeline, or a single file with all its weights."""
    if (path / "model_index.json").is_file():
        return "diffusers"
    is_part = (path.parent / "model_index.json").is_file()
    is_checkpoint = path.suffix in CHECKPOINTS and path.is_file()
    return "diffusers" if is_checkpoint and not is_part else None


def is_gguf_embedder(path: Path) -> bool:
    """Whether a GGUF file makes vectors of whole texts instead of writing on."""
    try:
        header = read_gguf_header(path)
    except LoadError:
        return False
    architecture = header.get("general.architecture", "")
    is_causal = header.get(f"{architecture}.attention.causal", True)
    return not is_causal or header.get(f"{architecture}.pooling_type", 0) != 0


def _has_architecture(config: dict[str, Any], ending: str) -> bool:
    names = config.get("architectures")
    return isinstance(names, list) and any(
        str(name).endswith(ending) for name in cast("list[object]", names)
    )


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        if not file.is_file() or file.stat().st_size > MAX_CONFIG_BYTES:
            return {}
        found: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
