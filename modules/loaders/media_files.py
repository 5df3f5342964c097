"""Which files and folders are models of which kind, and the loader of each; looks at names and configurations only."""

import json
from pathlib import Path
from typing import Any, cast

from modules.loaders.gguf_kinds import GgufKinds
from modules.loaders.media_catalog import InstalledMedia

MAX_CONFIG_BYTES = 2**20
CHECKPOINTS = (".safetensors", ".ckpt")
ENCODERS = frozenset(
    (
        "albert",
        "bert",
        "camembert",
        "convbert",
        "deberta",
        "deberta-v2",
        "distilbert",
        "electra",
        "ernie",
        "eurobert",
        "mobilebert",
        "modernbert",
        "mpnet",
        "nomic_bert",
        "roberta",
        "roberta-prelayernorm",
        "squeezebert",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    )
)
"""Model types of transformers that read a text in both directions."""
ENCODER_ENDINGS = ("Model", "ForMaskedLM", "ForPreTraining")


def embedding_loader(path: Path, kinds: GgufKinds | None = None) -> str | None:
    """A folder of sentence-transformers or of a transformers encoder, or a GGUF file of an embedding model.

    `kinds` remembers what was read of GGUF files.
    """
    if path.suffix == ".gguf" and path.is_file():
        return "llamacpp" if (kinds or GgufKinds()).is_embedder(path) else None
    if (path / "modules.json").is_file():
        kind = _json_object(path / "config_sentence_transformers.json").get("model_type")
        return "sentence_transformers" if kind in (None, "SentenceTransformer") else None
    return "sentence_transformers" if _is_encoder(_config(path)) else None


def rerank_loader(path: Path) -> str | None:
    """A folder of a cross-encoder: transformers' classifier of pairs."""
    is_classifier = _has_architecture(_config(path), "ForSequenceClassification")
    return "cross_encoder" if is_classifier else None


def transcription_loader(path: Path) -> str | None:
    """A checkpoint of openai-whisper."""
    return "whisper" if path.suffix == ".pt" and path.is_file() else None


WHISPER_MODELS = frozenset(
    (
        *("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en"),
        *("large-v1", "large-v2", "large-v3", "large", "large-v3-turbo", "turbo"),
    )
)
"""Whisper's own models, which can be downloaded; known here, since to ask the library takes seconds."""


def whisper_download(name: str, folder: Path) -> InstalledMedia | None:
    """One of them as the file that it will be."""
    if name not in WHISPER_MODELS:
        return None
    file = f"{name}.pt"
    return InstalledMedia(file, "whisper", folder / file)


def speech_loader(path: Path) -> str | None:
    """A voice as an ONNX graph; which other files it needs is said when it is loaded."""
    if path.suffix != ".onnx" or not path.is_file():
        return None
    return "kokoro" if path.name.lower().startswith("kokoro") else "piper"


def image_loader(path: Path) -> str | None:
    """A folder of a diffusers pipeline, or a single file with all its weights; `NAME.config/` is the configuration of such a file."""
    if (path / "model_index.json").is_file():
        return None if path.suffix == ".config" else "diffusers"
    is_part = (path.parent / "model_index.json").is_file()
    is_checkpoint = path.suffix in CHECKPOINTS and path.is_file()
    return "diffusers" if is_checkpoint and not is_part else None


def _is_encoder(config: dict[str, Any]) -> bool:
    """Chat models have a config.json as well; which of their tokens would stand for a text is not known."""
    is_known = config.get("model_type") in ENCODERS
    return is_known and any(_has_architecture(config, end) for end in ENCODER_ENDINGS)


def _has_architecture(config: dict[str, Any], ending: str) -> bool:
    names = config.get("architectures")
    return isinstance(names, list) and any(
        str(name).endswith(ending) for name in cast("list[object]", names)
    )


def _config(folder: Path) -> dict[str, Any]:
    return _json_object(folder / "config.json")


def _json_object(file: Path) -> dict[str, Any]:
    """Empty where the file is missing, too large or something else."""
    try:
        if not file.is_file() or file.stat().st_size > MAX_CONFIG_BYTES:
            return {}
        found: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
