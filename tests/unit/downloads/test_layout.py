"""Where the files go, and what may be in the way."""

from pathlib import Path

import pytest

from modules.core.errors import Conflict, RequestError
from modules.downloads.layout import Layout, check_free, plan_layout
from modules.downloads.wanted import Purpose, parse_wanted
from tests.unit.downloads.repositories import SIZE, remote


def plan(tmp_path: Path, *paths: str, to: Purpose = "models", output: Path | None = None) -> Layout:
    wanted = parse_wanted("org/name", purpose=to)
    return plan_layout(wanted, [remote(path) for path in paths], {to: tmp_path}, output)


def places(layout: Layout) -> set[str]:
    return {layout.path_of(file).relative_to(layout.root).as_posix() for file in layout.files}


def test_a_single_gguf_keeps_its_name(tmp_path: Path) -> None:
    layout = plan(tmp_path, "sub/m.gguf")
    assert places(layout) == {"m.gguf"}
    assert layout.model_name == "m.gguf"


def test_several_files_get_a_folder_of_their_own(tmp_path: Path) -> None:
    layout = plan(tmp_path, "config.json", "unet/a.safetensors")
    assert places(layout) == {"org_name/config.json", "org_name/unet/a.safetensors"}
    assert layout.model_name == "org_name"
    assert places(plan(tmp_path, "a.safetensors", to="embedding")) == {"org_name/a.safetensors"}
    assert places(plan(tmp_path, "a.pt", to="whisper")) == {"a.pt"}


def test_a_model_and_its_projector_lie_side_by_side(tmp_path: Path) -> None:
    layout = plan(
        tmp_path, "Q8/m-00001-of-00002.gguf", "Q8/m-00002-of-00002.gguf", "mmproj-F16.gguf"
    )
    assert places(layout) == {
        f"org_name/{name}"
        for name in ("m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "mmproj-F16.gguf")
    }
    assert layout.model_name == "org_name/m-00001-of-00002.gguf"


def test_what_makes_a_model_visible_comes_last(tmp_path: Path) -> None:
    parts = plan(tmp_path, "m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "mmproj-F16.gguf")
    assert [file.name for file in parts.in_order()] == [
        "mmproj-F16.gguf",
        "m-00002-of-00002.gguf",
        "m-00001-of-00002.gguf",
    ]
    folder = plan(tmp_path, "config.json", "a.safetensors", "sub/config.json")
    assert folder.in_order()[-1].path == "config.json"


def test_names_that_would_be_one_are_refused(tmp_path: Path) -> None:
    for paths in (("A.safetensors", "a.safetensors"), ("a.safetensors", "a.safetensors/b.json")):
        with pytest.raises(RequestError, match="one name"):
            plan(tmp_path, *paths)


def test_another_file_of_the_name_is_in_the_way(tmp_path: Path) -> None:
    layout = plan(tmp_path, "m.gguf")
    (tmp_path / "m.gguf").write_bytes(b"mine")
    with pytest.raises(Conflict):
        check_free(layout, overwrite=False)
    check_free(layout, overwrite=True)
    (tmp_path / "m.gguf").write_bytes(bytes(SIZE))
    check_free(layout, overwrite=False)  # of the same size: the checksum will tell


def test_a_folder_where_a_file_belongs_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").mkdir()
    with pytest.raises(Conflict):
        check_free(plan(tmp_path, "m.gguf"), overwrite=True)
    (tmp_path / "org_name").write_bytes(b"")
    with pytest.raises(Conflict):
        check_free(plan(tmp_path, "config.json", "a.safetensors"), overwrite=True)
