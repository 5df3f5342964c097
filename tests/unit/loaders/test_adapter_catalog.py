"""Which LoRA adapters are installed, and which name means which."""

from pathlib import Path

import pytest

from modules.core.errors import ConfigError, NotFound, RequestError
from modules.loaders.adapter_catalog import AdapterCatalog, split_scale


def write_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"GGUF and more")
    return path


def write_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "adapter_config.json").write_text("{}")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "loras"
    write_file(folder / "pirate.gguf")
    write_folder(folder / "pirate")
    write_file(folder / "team" / "poet.gguf")
    write_folder(folder / "team" / "judge")
    write_file(folder / ".part" / "half.gguf")
    (folder / "notes.gguf").write_bytes(b"text")
    (folder / "empty").mkdir()
    return folder


def test_files_and_folders_are_found_below_the_folder(folder: Path) -> None:
    found = [(each.name, each.loader) for each in AdapterCatalog(folder).adapters()]
    assert found == [
        ("pirate", "llamacpp"),
        ("pirate", "transformers"),
        ("team/judge", "transformers"),
        ("team/poet", "llamacpp"),
    ]


def test_a_name_means_the_form_that_the_loader_reads(folder: Path) -> None:
    catalog = AdapterCatalog(folder)
    assert catalog.get("pirate", "llamacpp").path == folder / "pirate.gguf"
    assert catalog.get("pirate.gguf", "llamacpp").path == folder / "pirate.gguf"
    assert catalog.get("pirate", "transformers").path == folder / "pirate"


def test_what_is_there_for_another_loader_is_said_so(folder: Path) -> None:
    with pytest.raises(NotFound, match=r"'team/poet' is there, but not for transformers"):
        AdapterCatalog(folder).get("team/poet", "transformers", param="lora[0].name")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../loras/pirate", "pirate/", "/etc/passwd", "team", "PIRATE", "a\0b"]
)
def test_names_are_looked_up_and_never_joined_to_a_path(folder: Path, name: str) -> None:
    catalog = AdapterCatalog(folder)
    assert not catalog.has(name)
    with pytest.raises(NotFound, match=r"not installed. Installed for llamacpp: pirate, team/poet"):
        catalog.get(name, "llamacpp")


def test_without_the_folder_there_are_none(tmp_path: Path) -> None:
    catalog = AdapterCatalog(tmp_path / "nowhere")
    assert catalog.adapters() == []
    assert not catalog.has("pirate")


def test_an_adapter_that_was_copied_in_is_there(folder: Path) -> None:
    catalog = AdapterCatalog(folder)
    catalog.adapters()
    write_file(folder / "late.gguf")
    assert catalog.get("late", "llamacpp").size_bytes == len(b"GGUF and more")


def test_the_operator_may_name_adapters_elsewhere(folder: Path, tmp_path: Path) -> None:
    other = write_file(tmp_path / "elsewhere" / "guest.gguf")
    catalog = AdapterCatalog(folder, [str(other)])
    assert catalog.get(str(other), "llamacpp") == catalog.get("guest", "llamacpp")
    assert catalog.get("guest", "llamacpp").path == other
    assert catalog.has("guest")


def test_a_path_without_an_adapter_is_a_wrong_setting(folder: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", folder / "empty", folder / "notes.gguf"):
        with pytest.raises(ConfigError, match="no LoRA adapter at"):
            AdapterCatalog(folder, [str(path)])


@pytest.mark.parametrize(
    ("text", "name", "scale"),
    [
        ("a", "a", 1.0),
        ("a=0.5", "a", 0.5),
        ("a=-2", "a", -2.0),
        ("a=b", "a=b", 1.0),
        ("a=b=0.25", "a=b", 0.25),
        ("a=", "a=", 1.0),
    ],
)
def test_a_scale_stands_behind_the_name(text: str, name: str, scale: float) -> None:
    assert split_scale(text) == (name, scale)


def test_a_scale_that_is_no_finite_number_is_a_wrong_value() -> None:
    for text in ("a=nan", "a=inf", "a=1e9"):
        with pytest.raises(RequestError, match="scale"):
            split_scale(text)
