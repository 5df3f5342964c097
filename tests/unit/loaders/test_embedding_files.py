"""Which files and folders make vectors, by their headers, their configurations, and the hub's cache."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from modules.loaders.catalog import Catalog
from modules.loaders.gguf_kinds import GgufKinds, describes_embedder
from modules.loaders.hub_cache import cached_folder, hub_models
from modules.loaders.media_catalog import InstalledMedia, MediaCatalog
from modules.loaders.media_files import embedding_loader
from modules.settings import ROOT

EMBEDDER = ROOT / "user_data" / "embedding_models" / "tiny-embed-F16.gguf"
CHAT = ROOT / "user_data" / "models" / "tiny-chat-Q8_0.gguf"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"general.architecture": "bert", "bert.attention.causal": False}, True),
        ({"general.architecture": "qwen3", "qwen3.pooling_type": 3}, True),
        ({"general.architecture": "qwen3", "qwen3.pooling_type": 0}, False),
        ({"general.architecture": "qwen3"}, False),
        ({}, False),
    ],
)
def test_a_header_says_whether_a_model_makes_vectors(
    header: dict[str, Any], expected: bool
) -> None:
    assert describes_embedder(header) is expected


def test_a_header_is_read_again_only_when_the_file_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(EMBEDDER.read_bytes())
    kinds = GgufKinds()
    assert kinds.is_embedder(path)
    status = path.stat()
    path.write_bytes(b"\0" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert kinds.is_embedder(path), "same size, same time: not looked at"
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert not kinds.is_embedder(path)
    path.unlink()
    assert not kinds.is_embedder(path)


def test_a_gguf_embedder_in_the_models_folder_is_no_text_model(tmp_path: Path) -> None:
    for source in (EMBEDDER, CHAT):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    assert [model.name for model in Catalog(tmp_path).models()] == [CHAT.name]
    media = MediaCatalog("embedding", [tmp_path], embedding_loader)
    assert [model.name for model in media.models()] == [EMBEDDER.name]


def folder_with(path: Path, **files: Any) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (path / f"{name}.json").write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "bert", "architectures": ["BertModel"]}, True),
        ({"model_type": "xlm-roberta", "architectures": ["XLMRobertaModel"]}, True),
        ({"model_type": "mpnet", "architectures": ["MPNetForMaskedLM"]}, True),
        ({"model_type": "bert", "architectures": ["BertForSequenceClassification"]}, False),
        ({"model_type": "bert", "architectures": ["BertForTokenClassification"]}, False),
        ({"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}, False),
        ({"model_type": "qwen3", "architectures": ["Qwen3Model"]}, False),
        ({"model_type": "clip", "architectures": ["CLIPModel"]}, False),
        ({"model_type": "bert"}, False),
        ({"architectures": ["BertModel"]}, False),
    ],
)
def test_a_folder_without_modules_must_be_of_an_encoder(
    tmp_path: Path, config: dict[str, Any], expected: bool
) -> None:
    found = embedding_loader(folder_with(tmp_path, config=config))
    assert (found == "sentence_transformers") is expected


def test_a_folder_with_modules_says_what_it_is(tmp_path: Path) -> None:
    plain = folder_with(tmp_path / "plain", modules=[])
    assert embedding_loader(plain) == "sentence_transformers"
    for kind, expected in (
        ("SentenceTransformer", True),
        ("CrossEncoder", False),
        ("Sparse", False),
    ):
        folder = folder_with(
            tmp_path / kind, modules=[], config_sentence_transformers={"model_type": kind}
        )
        assert (embedding_loader(folder) is not None) is expected


def make_cache(tmp_path: Path, repository: str, commit: str = COMMIT) -> Path:
    folder = tmp_path / "hub" / f"models--{repository.replace('/', '--')}"
    snapshot = folder_with(folder / "snapshots" / commit, config={})
    (snapshot / "model.safetensors").write_bytes(b"1")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    return snapshot


def test_what_the_hubs_library_left_is_found(tmp_path: Path) -> None:
    snapshot = make_cache(tmp_path, "org/name")
    for environment in (
        {"HF_HOME": str(tmp_path)},
        {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HOME": "/elsewhere"},
    ):
        assert cached_folder("org/name", environment) == snapshot
    assert cached_folder("org/other", {"HF_HOME": str(tmp_path)}) is None
    (tmp_path / "huggingface").symlink_to(tmp_path)
    assert cached_folder("org/name", {"XDG_CACHE_HOME": str(tmp_path)}) is not None


def test_a_download_that_was_cut_short_does_not_count(tmp_path: Path) -> None:
    snapshot = make_cache(tmp_path, "org/name")
    (snapshot / "model.safetensors").unlink()
    assert cached_folder("org/name", {"HF_HOME": str(tmp_path)}) is None
    (snapshot / "model.safetensors").symlink_to(tmp_path / "missing")
    assert cached_folder("org/name", {"HF_HOME": str(tmp_path)}) is None


def test_a_commit_is_never_a_way_out_of_the_cache(tmp_path: Path) -> None:
    make_cache(tmp_path, "org/name")
    folder_with(tmp_path / "hub" / "outside", config={})
    (tmp_path / "hub" / "outside" / "model.safetensors").write_bytes(b"1")
    reference = tmp_path / "hub" / "models--org--name" / "refs" / "main"
    reference.write_text("../../outside")
    assert cached_folder("org/name", {"HF_HOME": str(tmp_path)}) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("all-mpnet-base-v2", "sentence-transformers/all-mpnet-base-v2"),
        ("BAAI/bge-m3", "BAAI/bge-m3"),
        ("/etc/passwd", None),
        ("../secret", None),
        ("a/b/c", None),
        ("a b", None),
        ("", None),
        ("~/model", None),
    ],
)
def test_only_what_can_be_a_name_of_the_hub_is_taken_for_one(
    name: str, expected: str | None
) -> None:
    found = hub_models("sentence-transformers", "sentence_transformers")(name)
    assert (found.name if found else None) == expected


def settle(folder: Path) -> None:
    """As if nothing in it had changed for a while."""
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (0, 0))


def catalog_of(folder: Path, **details: Any) -> MediaCatalog:
    return MediaCatalog("embedding", [folder], embedding_loader, **details)


def test_the_users_own_comes_before_the_cached_and_that_before_the_bundled(tmp_path: Path) -> None:
    cached = InstalledMedia("org/cached", "sentence_transformers", tmp_path)
    bundled = folder_with(tmp_path / "models" / "bundled", modules=[]).name
    catalog = catalog_of(tmp_path / "models", bundled=[bundled])
    assert catalog.default().name == bundled
    catalog = catalog_of(tmp_path / "models", bundled=[bundled], cached=lambda: [cached])
    assert catalog.default().name == bundled, "it may still be being downloaded"
    settle(tmp_path)
    assert catalog.default() is cached
    assert catalog.find("org/cached") is cached
    folder_with(tmp_path / "models" / "mine", modules=[])
    settle(tmp_path)
    assert catalog.models()
    assert catalog.default().name == "mine"


def test_what_the_settings_want_from_elsewhere_is_listed_and_found(tmp_path: Path) -> None:
    remote = hub_models("org", "sentence_transformers")
    catalog = catalog_of(tmp_path, wanted="name", remote=remote)
    assert [model.name for model in catalog.models()] == ["org/name"]
    assert catalog.find("org/name") == catalog.find("name") == catalog.default()
    path = folder_with(tmp_path / "else" / "where", modules=[])
    by_path = catalog_of(tmp_path / "none", wanted=str(path), remote=remote)
    assert [model.path for model in by_path.models()] == [path]
    assert by_path.find("where") == by_path.default()


def test_an_installed_model_is_not_taken_for_one_of_the_hub(tmp_path: Path) -> None:
    (tmp_path / EMBEDDER.name).write_bytes(EMBEDDER.read_bytes())
    remote = hub_models("org", "sentence_transformers")
    catalog = catalog_of(tmp_path, wanted=EMBEDDER.stem, remote=remote)
    assert [model.name for model in catalog.models()] == [EMBEDDER.name]
