"""The pools of models that do not write text, as the settings want them."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from modules.engine.media.engines import MediaEngines
from modules.engine.media.pool import LoadOptions, ModelPool, PoolLimits
from modules.loaders.media_catalog import Kind, MediaCatalog, Recogniser
from modules.loaders.media_files import (
    embedding_loader,
    image_loader,
    rerank_loader,
    transcription_loader,
)
from modules.loaders.registry import load_media
from modules.settings import OPTIONS, ROOT, Settings

SHIPPED = ROOT / "user_data"
"""What comes with the program is found here, also where the user's folder is another one."""

LOAD_OPTIONS: Mapping[Kind, Mapping[str, str]] = {
    "embedding": {"device": "embedding_device"},
    "rerank": {"device": "embedding_device"},
    "transcription": {"device": "whisper_device"},
    "speech": {},
    "image": {
        name: f"image_{name}"
        for name in ("device", "dtype", "attn_backend", "cpu_offload", "compile", "quant")
    },
}
"""By kind: a load option's name, and the setting that has its default."""


def build_media(settings: Settings) -> MediaEngines:
    """Nothing is loaded or looked for yet."""
    return MediaEngines(
        embedding=_pool(settings, _embedding_catalog(settings), max_loaded=3),
        rerank=_pool(settings, _rerank_catalog(settings)),
        transcription=_pool(settings, _transcription_catalog(settings)),
        speech=_pool(settings, _speech_catalog(settings), max_loaded=2),
        image=_pool(settings, _image_catalog(settings)),
    )


def _pool(settings: Settings, catalog: MediaCatalog, max_loaded: int = 1) -> ModelPool[Any]:
    limits = PoolLimits(max_loaded, settings.max_queue, settings.media_idle_s)
    return ModelPool(
        catalog, partial(load_media, catalog.kind), limits, load_options(settings, catalog.kind)
    )


def load_options(settings: Settings, kind: Kind) -> LoadOptions:
    declared = {option.name: option for option in OPTIONS}
    names = LOAD_OPTIONS[kind]
    return LoadOptions(
        {name: declared[setting] for name, setting in names.items()},
        {name: getattr(settings, setting) for name, setting in names.items()},
    )


def _folders(settings: Settings, name: str) -> list[Path]:
    return list(dict.fromkeys([Path(settings.user_data_dir) / name, SHIPPED / name]))


def _embedding_catalog(settings: Settings) -> MediaCatalog:
    return _catalog(
        "embedding",
        settings,
        [*_folders(settings, "embedding_models"), settings.models_path],
        embedding_loader,
        settings.embedding_model,
        ("tiny-embed", "tiny-embed-F16.gguf"),
    )


def _rerank_catalog(settings: Settings) -> MediaCatalog:
    return _catalog(
        "rerank",
        settings,
        _folders(settings, "rerank_models"),
        rerank_loader,
        settings.rerank_model,
        ("tiny-rerank",),
    )


def _transcription_catalog(settings: Settings) -> MediaCatalog:
    return _catalog(
        "transcription",
        settings,
        _folders(settings, "whisper_models"),
        transcription_loader,
        settings.whisper_model,
        ("tiny-whisper.pt",),
    )


def _speech_catalog(settings: Settings) -> MediaCatalog:
    return _catalog(
        "speech",
        settings,
        _folders(settings, "speech_models"),
        lambda _: None,
        settings.speech_model,
        ("espeak-ng",),
    )


def _image_catalog(settings: Settings) -> MediaCatalog:
    folders = [settings.image_models_path, SHIPPED / "image_models"]
    return _catalog(
        "image",
        settings,
        list(dict.fromkeys(folders)),
        image_loader,
        settings.image_model,
        ("tiny-diffusion",),
    )


def _catalog(
    kind: Kind,
    settings: Settings,
    folders: list[Path],
    recognise: Recogniser,
    wanted: str | None,
    bundled: tuple[str, ...],
) -> MediaCatalog:
    return MediaCatalog(
        kind, folders, recognise, wanted, dict(settings.model_aliases), bundled=bundled
    )
