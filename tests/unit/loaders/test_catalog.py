"""Which models are installed, and how a name finds one. A name never becomes a path."""

from pathlib import Path

import pytest

from modules.core.errors import NotFound
from modules.loaders.catalog import BUNDLED_MODELS, DEMO_MODEL, Catalog, model_at


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """models/ with these, and a secret beside it."""
    models = tmp_path / "models"
    for name in (
        "small.gguf",
        "sub/deep/big-00001-of-00003.gguf",
        "sub/deep/big-00002-of-00003.gguf",
        "sub/deep/big-00003-of-00003.gguf",
        "odd [1]*-00001-of-00002.gguf",
        "odd [1]*-00002-of-00002.gguf",
        "mmproj-small-f16.gguf",
        "small.mmproj.gguf",
        "vision/model-mmproj-Q8.gguf",
        "decommproject.gguf",
        ".downloads/models--org--name/tree/hidden.gguf",
    ):
        put(models, name)
    (models / "notes.gguf").write_bytes(b"not a model")
    (models / "empty.gguf").write_bytes(b"")
    (models / "folder.gguf").mkdir()
    (models / "small.safetensors").write_bytes(b"GGUF")
    put(tmp_path, "outside.gguf")
    return models


def put(folder: Path, name: str, size: int = 10) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"GGUF" + b"\0" * (size - 4))
    return path


def names(catalog: Catalog) -> list[str]:
    return [model.name for model in catalog.models()]


def test_models_are_listed_once_without_later_parts_projectors_and_other_files(
    folder: Path,
) -> None:
    assert sorted(names(Catalog(folder))) == [
        "decommproject.gguf",
        "odd [1]*-00001-of-00002.gguf",
        "small.gguf",
        "sub/deep/big-00001-of-00003.gguf",
    ]


def test_a_model_in_parts_is_as_large_as_all_of_them(folder: Path) -> None:
    model = Catalog(folder).get("sub/deep/big-00001-of-00003.gguf")
    assert [part.name for part in model.parts] == [
        f"big-0000{number}-of-00003.gguf" for number in (1, 2, 3)
    ]
    assert model.size_bytes == 30


def test_parts_are_found_by_a_name_that_looks_like_a_pattern(folder: Path) -> None:
    model = Catalog(folder).get("odd [1]*-00001-of-00002.gguf")
    assert len(model.parts) == 2


def test_a_model_of_one_file_is_its_only_part(folder: Path) -> None:
    model = Catalog(folder).get("small.gguf")
    assert model.parts == [folder / "small.gguf"]
    assert model.created == int((folder / "small.gguf").stat().st_mtime)


def test_a_name_may_leave_out_its_ending(folder: Path) -> None:
    catalog = Catalog(folder)
    assert catalog.get("small").name == "small.gguf"
    assert catalog.get("sub/deep/big-00001-of-00003").path.parent == folder / "sub" / "deep"


def test_an_alias_stands_for_a_model(folder: Path) -> None:
    catalog = Catalog(folder, {"gpt-4": "small.gguf", "gone": "none.gguf"})
    assert catalog.get("gpt-4").name == "small.gguf"
    assert catalog.find("gone") is None


@pytest.mark.parametrize(
    "name",
    [
        "../outside.gguf",
        "../outside",
        "sub/../small.gguf",
        "./small.gguf",
        "/small.gguf",
        "big-00001-of-00003.gguf",
        "sub/deep/big-00002-of-00003.gguf",
        "mmproj-small-f16.gguf",
        "SMALL.gguf",
        "small.gguf\0",
        "sub\\deep\\big-00001-of-00003.gguf",
        "*",
        "",
        ".gguf",
    ],
)
def test_nothing_but_a_listed_name_finds_a_model(folder: Path, name: str) -> None:
    catalog = Catalog(folder)
    assert catalog.find(name) is None
    with pytest.raises(NotFound) as caught:
        catalog.get(name)
    assert caught.value.code == "model_not_found"
    assert "small.gguf" in caught.value.message


def test_an_absolute_path_finds_nothing(folder: Path) -> None:
    assert Catalog(folder).find(str(folder / "small.gguf")) is None


def test_a_model_that_is_copied_in_later_is_there(folder: Path) -> None:
    catalog = Catalog(folder)
    assert catalog.find("new") is None
    put(folder, "new.gguf")
    assert catalog.get("new").name == "new.gguf"


def test_a_missing_folder_has_no_models(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "nowhere")
    assert catalog.models() == []
    assert catalog.choose_default() is None
    with pytest.raises(NotFound, match="none"):
        catalog.get("x")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], None),
        ([DEMO_MODEL], DEMO_MODEL),
        (["mine.gguf"], "mine.gguf"),
        ([DEMO_MODEL, "mine.gguf"], "mine.gguf"),
        (["a.gguf", "b.gguf"], None),
        ([DEMO_MODEL, "a.gguf", "b.gguf"], None),
        (BUNDLED_MODELS, DEMO_MODEL),
        (BUNDLED_MODELS[1:], BUNDLED_MODELS[1]),
        ([*BUNDLED_MODELS, "mine.gguf", "mmproj-mine.gguf"], "mine.gguf"),
    ],
)
def test_the_default_is_the_only_model_besides_the_bundled_ones(
    tmp_path: Path, files: list[str], expected: str | None
) -> None:
    for name in files:
        put(tmp_path, name)
    chosen = Catalog(tmp_path).choose_default()
    assert (chosen.name if chosen else None) == expected


def test_a_model_outside_the_folder_has_its_files_name(tmp_path: Path) -> None:
    model = model_at(put(tmp_path, "elsewhere.gguf", size=20))
    assert (model.name, model.size_bytes) == ("elsewhere.gguf", 20)


def test_only_what_was_looked_for_lately_is_surely_unknown(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    catalog = Catalog(tmp_path, {"alias": "a.gguf"})
    assert not catalog.is_surely_unknown("gpt-4o"), "nobody has looked yet"
    assert catalog.find("gpt-4o") is None
    assert catalog.is_surely_unknown("gpt-4o")
    for name in ("a", "a.gguf", "alias"):
        assert not catalog.is_surely_unknown(name)
