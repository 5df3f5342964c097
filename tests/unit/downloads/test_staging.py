"""What is fetched waits apart until it is whole, and survives interruptions."""

from pathlib import Path

import pytest

from modules.core.errors import Cancelled, Conflict
from modules.core.jobs import Job
from modules.downloads.layout import Layout
from modules.downloads.staging import FOLDER, Staging, find_leftovers
from tests.unit.downloads.repositories import small

CONFIG = small("config.json", b"{}")
WEIGHTS = small("w.safetensors", b"0123456789")
TWIN = small("sub/config.json", b"{}")


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path, "models--org--name")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    files = (CONFIG, WEIGHTS, TWIN)
    return Layout(tmp_path, tmp_path / "org_name", {file: file.path for file in files})


def receive(staging: Staging, layout: Layout) -> None:
    for file, data in ((CONFIG, b"{}"), (WEIGHTS, b"0123456789"), (TWIN, b"{}")):
        if not staging.whole(file).exists() and file in layout.files:
            staging.append(file, data[staging.start_of(file) :])
            assert staging.accept(file, Job())


def test_a_whole_download_is_moved_and_leaves_nothing(tmp_path: Path, staging, layout) -> None:
    with staging.locked():
        staging.begin("org/name", layout)
        receive(staging, layout)
        assert not layout.folder.exists()
        staging.install(layout)
    assert (layout.folder / "w.safetensors").read_bytes() == b"0123456789"
    assert (layout.folder / "sub" / "config.json").read_bytes() == b"{}"
    assert [path.name for path in tmp_path.iterdir()] == ["org_name"]


def test_an_existing_folder_keeps_what_else_is_in_it(staging, layout) -> None:
    layout.folder.mkdir()
    (layout.folder / "mine.txt").write_text("mine")
    with staging.locked():
        staging.begin("org/name", layout)
        receive(staging, layout)
        staging.install(layout)
    assert (layout.folder / "mine.txt").read_text() == "mine"
    assert (layout.folder / "config.json").exists()


def test_what_was_begun_is_seen_and_goes_on(tmp_path: Path, staging, layout) -> None:
    with staging.locked():
        staging.begin("org/name", layout)
        staging.append(WEIGHTS, b"0123")
    (left,) = find_leftovers(tmp_path)
    assert (left.model, left.bytes_done, left.bytes_total) == ("org/name", 4, 14)
    with staging.locked():
        staging.begin("org/name", layout)
        assert staging.start_of(WEIGHTS) == 4
        receive(staging, layout)
        staging.install(layout)
    assert find_leftovers(tmp_path) == []


def test_a_move_that_was_interrupted_is_taken_back(staging, layout) -> None:
    with staging.locked():
        staging.begin("org/name", layout)
        receive(staging, layout)
        moved = staging.folder / "tree" / "w.safetensors"
        moved.parent.mkdir()
        staging.whole(WEIGHTS).replace(moved)
    with staging.locked():
        staging.begin("org/name", layout)
        assert staging.whole(WEIGHTS).exists()
        staging.install(layout)
    assert (layout.folder / "w.safetensors").exists()


def test_wrong_bytes_are_thrown_away(staging, layout) -> None:
    with staging.locked():
        staging.begin("org/name", layout)
        for data in (b"012345678X", b"012"):
            staging.append(WEIGHTS, data)
            assert not staging.accept(WEIGHTS, Job())
            assert staging.bytes_of(WEIGHTS) == 0


def test_too_many_bytes_are_thrown_away(staging, layout) -> None:
    with staging.locked():
        staging.begin("org/name", layout)
        staging.append(WEIGHTS, b"0123456789X")
        assert staging.start_of(WEIGHTS) == 0


def test_a_checksum_can_be_given_up(staging, layout) -> None:
    job = Job()
    job.cancel()
    with staging.locked():
        staging.begin("org/name", layout)
        staging.append(WEIGHTS, b"0123456789")
        with pytest.raises(Cancelled):
            staging.accept(WEIGHTS, job)
        assert staging.start_of(WEIGHTS) == 10


def test_only_one_works_at_a_download(staging) -> None:
    other = Staging(staging.root, staging.key)
    with staging.locked(), pytest.raises(Conflict), other.locked():
        pass
    with other.locked():
        pass


def test_another_choice_of_the_repository_keeps_what_was_begun(
    tmp_path: Path, staging, layout
) -> None:
    with staging.locked():
        staging.begin("org/name", layout)
        staging.append(WEIGHTS, b"0123")
    other = Layout(tmp_path, tmp_path / "org_name", {CONFIG: "config.json"})
    with staging.locked():
        staging.begin("org/name", other)
        receive(staging, other)
        staging.install(other)
    (left,) = find_leftovers(tmp_path)
    assert left.bytes_done == 4
    staging.remove()
    assert not (tmp_path / FOLDER).exists()


def test_a_damaged_list_does_no_harm(tmp_path: Path, staging, layout) -> None:
    with staging.locked():
        staging.begin("org/name", layout)
        staging.append(WEIGHTS, b"0123")
    for text in (
        "",
        "[]",
        '{"files": 5}',
        '{"model": "x", "files": {"a": 1}}',
        '{"model": "x", "files": {"a": {}}}',
    ):
        (staging.folder / "files.json").write_text(text)
        assert len(find_leftovers(tmp_path)) == 1
        with staging.locked():
            staging.begin("org/name", layout)
            assert staging.start_of(WEIGHTS) == 4
