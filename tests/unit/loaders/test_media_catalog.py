"""Installed models of one kind: names, aliases, the default, what is no model."""

import io
import json
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from modules.core.errors import NotFound, NotInstalled
from modules.loaders.media_catalog import FRESH_S, InstalledMedia, MediaCatalog
from modules.loaders.media_files import embedding_loader, image_loader, rerank_loader
from modules.loaders.recent import Recent
from modules.settings import ROOT

SHIPPED = ROOT / "user_data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("small.pt", "org/large.pt", ".hidden.pt", "org/deep/er/lost.pt", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CHECKPOINT)
        settle(path)
    return tmp_path


def settle(path: Path) -> Path:
    """As if it had been there for a while."""
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as content:
        content.writestr("data.pkl", b"x" * 500)
    return file.getvalue()


CHECKPOINT = archive()


def safetensors(length: int, header: bytes = b'{"a":{}}') -> bytes:
    return length.to_bytes(8, "little") + header


def catalog_of(*folders: Path, **details: object) -> MediaCatalog:
    def loader(path: Path) -> str | None:
        return "whisper" if path.suffix == ".pt" and path.is_file() else None

    return MediaCatalog("transcription", folders, loader, **details)


def test_files_of_two_levels_are_models_by_their_paths(folder: Path) -> None:
    models = catalog_of(folder).models()
    assert {model.name for model in models} == {"small.pt", "org/large.pt"}
    assert {model.size_bytes for model in models} == {len(CHECKPOINT)}
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


@pytest.mark.parametrize(
    ("name", "data", "is_whole"),
    [
        ("a.pt", CHECKPOINT, True),
        ("a.pt", b"\x80\x02old", True),
        ("a.pt", CHECKPOINT[:-40], False),
        ("a.pt", b"<html>", False),
        ("a.pt", b"", False),
        ("a.ckpt", b"<html>", False),
        ("a.onnx", b"\x08\x08rest", True),
        ("a.onnx", b"", False),
        ("a.onnx", b"version https://git-lfs", False),
        ("a.safetensors", safetensors(8), True),
        ("a.safetensors", safetensors(9), False),
        ("a.safetensors", safetensors(0), False),
        ("a.safetensors", safetensors(2**63), False),
        ("a.safetensors", safetensors(8, b"nothing!"), False),
        ("a.safetensors", b"1", False),
        ("a.txt", b"", True),
    ],
)
def test_junk_and_halves_of_files_are_told_from_models(
    tmp_path: Path, name: str, data: bytes, is_whole: bool
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert InstalledMedia(name, "whisper", settle(path)).seems_whole() == is_whole
    inner = settle(path)
    settle(tmp_path)
    assert InstalledMedia("folder", "whisper", inner.parent).seems_whole() == is_whole


def test_what_is_damaged_or_being_copied_does_not_take_the_default_away(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    own = tmp_path / "own"
    for folder in (own, shipped):
        folder.mkdir()
    (shipped / "tiny.pt").write_bytes(CHECKPOINT)

    def default() -> str:
        return catalog_of(own, shipped, bundled=["tiny.pt"]).default().name

    (own / "junk.pt").write_bytes(b"junk")
    settle(own / "junk.pt")
    assert default() == "tiny.pt"
    (own / "real.pt").write_bytes(CHECKPOINT)
    assert default() == "tiny.pt"
    settle(own / "real.pt")
    assert default() == "real.pt"
    (shipped / "tiny.pt").unlink()
    (own / "real.pt").unlink()
    assert default() == "junk.pt", "its error is better than none"
    found = catalog_of(own).find("junk")
    assert found is not None, "who names it is told what is wrong with it"


def counting(looks: list[Path]) -> Callable[[Path], str | None]:
    def recognise(path: Path) -> str | None:
        looks.append(path)
        return "whisper" if path.suffix == ".pt" else None

    return recognise


def test_folders_are_not_looked_at_with_every_question(folder: Path) -> None:
    looks: list[Path] = []
    catalog = MediaCatalog("transcription", [folder], counting(looks))
    catalog.default()
    before = len(looks)
    assert before
    for _ in range(20):
        assert catalog.find("small") is not None
        assert catalog.default().name in ("small.pt", "org/large.pt")
    assert len(looks) == before
    assert catalog.models()
    assert len(looks) > before


def test_a_new_file_is_found_at_once(folder: Path) -> None:
    catalog = catalog_of(folder)
    assert catalog.find("new") is None
    (folder / "new.pt").write_bytes(CHECKPOINT)
    time.sleep(FRESH_S)
    found = catalog.find("new")
    assert found is not None
    assert found.path == folder / "new.pt"


def test_a_value_is_remembered_for_a_moment() -> None:
    now = [10.0]
    recent: Recent[int] = Recent(2, clock=lambda: now[0])
    assert recent.get() is None
    assert recent.keep(5) == recent.get() == 5
    now[0] = 10.5
    assert (recent.get(0.6), recent.get(0.5)) == (5, None)
    now[0] = 12.0
    assert recent.get() is None


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
