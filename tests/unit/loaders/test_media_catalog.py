"""Installed models of one kind: names, aliases, the default, what is no model."""

import json
from pathlib import Path

import pytest

from modules.core.errors import NotFound, NotInstalled
from modules.loaders.media_catalog import InstalledMedia, MediaCatalog
from modules.loaders.media_files import embedding_loader, image_loader, rerank_loader
from modules.settings import ROOT

SHIPPED = ROOT / "user_data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("small.pt", "org/large.pt", ".hidden.pt", "org/deep/er/lost.pt", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    return tmp_path


def catalog_of(*folders: Path, **details: object) -> MediaCatalog:
    def loader(path: Path) -> str | None:
        return "whisper" if path.suffix == ".pt" and path.is_file() else None

    return MediaCatalog("transcription", folders, loader, **details)


def test_files_of_two_levels_are_models_by_their_paths(folder: Path) -> None:
    models = catalog_of(folder).models()
    assert {model.name for model in models} == {"small.pt", "org/large.pt"}
    assert {model.size_bytes for model in models} == {5}
    assert all(model.created > 1_600_000_000 for model in models)


def test_a_model_is_found_with_and_without_its_ending_and_by_its_alias(folder: Path) -> None:
    catalog = catalog_of(folder, aliases={"whisper-1": "org/large.pt"})
    for name in ("org/large.pt", "org/large", "whisper-1"):
        found = catalog.find(name)
        assert found is not None
        assert found.name == "org/large.pt"
    for name in ("large", "../small.pt", "", str(folder / "small.pt"), "org/../small.pt"):
        assert catalog.find(name) is None
    with pytest.raises(NotFound, match=r"small\.pt"):
        catalog.get("missing")


def test_of_two_of_one_name_the_first_folder_counts(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "small.pt").write_bytes(b"1")
    found = catalog_of(other, folder).find("small")
    assert found is not None
    assert found.size_bytes == 1


def test_the_default_is_what_is_wanted_then_the_users_then_the_bundled(folder: Path) -> None:
    assert catalog_of(folder, wanted="org/large").default().name == "org/large.pt"
    by_path = catalog_of(folder / "org", wanted=str(folder / "small.pt")).default()
    assert by_path.path == folder / "small.pt"
    assert catalog_of(folder, bundled=["org/large.pt"]).default().name == "small.pt"
    assert catalog_of(folder / "org", bundled=["large.pt"]).default().name == "large.pt"


def test_what_is_missing_says_what_to_do(folder: Path) -> None:
    with pytest.raises(NotInstalled, match="nowhere"):
        catalog_of(folder / "nowhere").default()
    with pytest.raises(NotInstalled, match="'tiny'"):
        catalog_of(folder, wanted="tiny").default()
    remote = InstalledMedia("tiny", "whisper")
    assert catalog_of(folder, wanted="tiny", remote=lambda _: remote).default() is remote


def test_the_bundled_models_are_recognised() -> None:
    assert embedding_loader(SHIPPED / "embedding_models" / "tiny-embed") == "sentence_transformers"
    assert embedding_loader(SHIPPED / "embedding_models" / "tiny-embed-F16.gguf") == "llamacpp"
    assert rerank_loader(SHIPPED / "rerank_models" / "tiny-rerank") == "cross_encoder"
    assert image_loader(SHIPPED / "image_models" / "tiny-diffusion") == "diffusers"


def test_parts_and_other_kinds_are_not() -> None:
    assert embedding_loader(SHIPPED / "embedding_models" / "tiny-embed" / "1_Pooling") is None
    assert embedding_loader(SHIPPED / "models" / "tiny-chat-Q8_0.gguf") is None
    assert embedding_loader(SHIPPED / "rerank_models" / "tiny-rerank") is None
    assert rerank_loader(SHIPPED / "embedding_models" / "tiny-embed") is None
    assert image_loader(SHIPPED / "image_models" / "tiny-diffusion" / "unet") is None


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000, '{"architectures": 5}', "\x00"])
def test_a_broken_configuration_is_no_model(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert embedding_loader(tmp_path) is None
    assert rerank_loader(tmp_path) is None


def test_a_single_file_is_an_image_model_unless_it_is_a_part(tmp_path: Path) -> None:
    (tmp_path / "sd.safetensors").write_bytes(b"1")
    assert image_loader(tmp_path / "sd.safetensors") == "diffusers"
    (tmp_path / "model_index.json").write_text(json.dumps({}))
    assert image_loader(tmp_path / "sd.safetensors") is None
    assert image_loader(tmp_path) == "diffusers"
