"""The pools of models that do not write text, as the settings want them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modules.engine.media.engines import MediaEngines
from modules.engine.media.pool import LoadOptions, ModelPool, PoolLimits
from modules.loaders.gguf_kinds import GgufKinds
from modules.loaders.hub_cache import hub_models
from modules.loaders.images.a1111.server import WebuiServer, find_server
from modules.loaders.media_catalog import InstalledMedia, Kind, MediaCatalog, Recogniser
from modules.loaders.media_files import (
    embedding_loader,
    image_loader,
    rerank_loader,
    speech_loader,
    transcription_loader,
    whisper_download,
)
from modules.loaders.registry import load_media
from modules.settings import OPTIONS, ROOT, Settings

SHIPPED = ROOT / "user_data"
"""What comes with the program is found here, also where the user's folder is another one."""

REAL_EMBEDDER = "sentence-transformers/all-mpnet-base-v2"
REAL_RERANKER = "cross-encoder/ms-marco-MiniLM-L6-v2"

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
    on_hub = hub_models("sentence-transformers", "sentence_transformers")
    small = ("tiny-embed", "tiny-embed-F16.gguf")
    catalog = _catalog(
        "embedding",
        settings,
        [*_folders(settings, "embedding_models"), settings.models_path],
        partial(embedding_loader, kinds=GgufKinds()),
        settings.embedding_model,
        small if _is_importable("sentence_transformers") else small[::-1],
    )
    advice = (
        "Embeddings come from a tiny model that was trained on made-up sentences and knows little else. For real use name a model "
        f"(--embedding-model {REAL_EMBEDDER} downloads it at its first use) or put one into {catalog.folders[0]}."
    )
    return replace(
        catalog, remote=on_hub, cached=partial(_cached, on_hub, REAL_EMBEDDER), advice=advice
    )


def _cached(on_hub: Callable[[str], InstalledMedia | None], name: str) -> Sequence[InstalledMedia]:
    """Only where an earlier download left it, and what runs it is there: it is never fetched unasked."""
    found = on_hub(name)
    can_run = _is_importable("sentence_transformers")
    return (found,) if found is not None and found.path is not None and can_run else ()


def _is_importable(package: str) -> bool:
    """Without importing it."""
    return find_spec(package) is not None


def _rerank_catalog(settings: Settings) -> MediaCatalog:
    wanted = None if settings.compares_embeddings else settings.rerank_model
    catalog = _catalog(
        "rerank",
        settings,
        _folders(settings, "rerank_models"),
        rerank_loader,
        wanted,
        ("tiny-rerank",),
    )
    advice = (
        "Reranking is done by a tiny model that was trained on made-up sentences and knows little else. For real use name a model "
        f"(--rerank-model {REAL_RERANKER} downloads it at its first use) or put one into {catalog.folders[0]}."
    )
    return replace(catalog, remote=hub_models("cross-encoder", "cross_encoder"), advice=advice)


def _transcription_catalog(settings: Settings) -> MediaCatalog:
    folders = _folders(settings, "whisper_models")
    catalog = _catalog(
        "transcription",
        settings,
        folders,
        transcription_loader,
        settings.whisper_model,
        ("tiny-whisper.pt",),
    )
    advice = (
        "Speech is heard by a tiny model that knows some eighty words of a synthetic voice. For real use name one of Whisper's models "
        f"(--whisper-model base downloads it at its first use) or put a checkpoint into {folders[0]}."
    )
    download = partial(whisper_download, folder=folders[0])
    return replace(catalog, remote=download, advice=advice)


def _speech_catalog(settings: Settings) -> MediaCatalog:
    """eSpeak NG is always there, and serves until the user has a voice of his own."""
    catalog = _catalog(
        "speech",
        settings,
        _folders(settings, "speech_models"),
        speech_loader,
        settings.speech_model,
        ("espeak-ng",),
    )
    return replace(catalog, built_in=[InstalledMedia("espeak-ng", "espeak")])


def _image_catalog(settings: Settings) -> MediaCatalog:
    folders = [settings.image_models_path, SHIPPED / "image_models"]
    catalog = _catalog(
        "image",
        settings,
        list(dict.fromkeys(folders)),
        image_loader,
        settings.image_model,
        ("tiny-diffusion",),
    )
    server = find_server(settings.sd_webui_url, settings.sd_base_model_size)
    return catalog if server is None else _with_server(catalog, server)


def _with_server(catalog: MediaCatalog, server: WebuiServer) -> MediaCatalog:
    """What the server has loaded is the default, unless `image_model` names one of its checkpoints or a model of ours."""
    return replace(
        catalog,
        wanted=catalog.wanted or server.current.name,
        built_in=[server.current],
        served=server.models,
        remote=server.model,
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
