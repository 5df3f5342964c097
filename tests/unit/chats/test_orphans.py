"""Files of messages whose chat was never kept."""

import os
import shutil
from pathlib import Path

import pytest

from modules.chats.disk_store import ChatStore
from modules.chats.orphans import remove_orphans
from modules.chats.turns import Attachment, Version
from tests.unit.chats.makers import chat, png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "chats"


def add_file(folder: Path, chat_id: str) -> Path:
    store = ChatStore(folder)
    return store.file_path(chat_id, store.add_file(chat_id, png(), "image/png"))


@pytest.fixture
def days_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is as old as nothing can be that still waits for a reply."""
    monkeypatch.setattr("modules.chats.orphans.KEPT_S", -60)


def test_a_store_sweeps_with_its_first_list(folder: Path, days_later: None) -> None:
    orphan = add_file(folder, "orphan")
    (orphan.parent / f".{orphan.name}.0123abcd.part").write_bytes(b"broken off")
    store, asked = ChatStore(folder), chat("hello")
    file = store.add_file(asked.id, png(), "image/png")
    pictures = (Attachment("a", "image", file=file),)
    saved = store.save(asked.appended("user", Version.of("look", attachments=pictures)))
    assert [each.id for each in store.list()] == [saved.id]
    assert not orphan.parent.exists()
    assert store.read_file(saved.id, file) == png()


def test_a_message_that_waits_for_its_reply_keeps_its_files(folder: Path) -> None:
    store = ChatStore(folder)
    name = store.add_file("waits", png(), "image/png")
    assert store.list() == ()
    assert store.read_file("waits", name) == png()


def test_files_of_a_broken_chat_stay(folder: Path, days_later: None) -> None:
    file = add_file(folder, "broken")
    (folder / "broken.json").write_text("{")
    remove_orphans(folder)
    assert file.exists()


@pytest.mark.parametrize("name", ["notes.txt", "sub/notes.txt", f"{'0' * 32}.png/notes.txt"])
def test_what_somebody_else_has_put_there_stays(folder: Path, days_later: None, name: str) -> None:
    file = add_file(folder, "orphan")
    other = file.parent / name
    other.parent.mkdir(exist_ok=True)
    other.write_text("mine")
    remove_orphans(folder)
    assert (file.exists(), other.exists()) == (True, True)


def test_names_that_are_no_chats_stay(folder: Path, days_later: None) -> None:
    places = [folder / ".files", folder / "a b.files", folder / "users"]
    for place in places:
        place.mkdir(parents=True)
    (folder / "a.files").write_text("a file")
    remove_orphans(folder)
    assert all(place.exists() for place in (*places, folder / "a.files"))


def test_links_are_not_followed(folder: Path, tmp_path: Path, days_later: None) -> None:
    elsewhere = tmp_path / "elsewhere"
    file = add_file(elsewhere, "kept")
    folder.mkdir()
    inside = add_file(folder, "linked").parent / f"{'1' * 32}.png"
    try:
        (folder / "whole.files").symlink_to(file.parent, target_is_directory=True)
        inside.symlink_to(file)
    except OSError:
        pytest.skip("This system lets nobody make links.")
    remove_orphans(folder)
    assert file.exists()
    assert (inside.is_symlink(), (folder / "whole.files").is_symlink()) == (True, True)


def test_a_copy_of_old_files_has_just_come(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup that comes back may bring the files before their chat."""
    file = add_file(folder, "source")
    copy = folder / "copied.files"
    shutil.copytree(file.parent, copy)
    for path in (copy / file.name, copy):
        os.utime(path, (1, 1))
    monkeypatch.setattr("modules.chats.orphans.KEPT_S", 3600)
    remove_orphans(folder)
    assert (copy / file.name).exists()


def test_there_need_be_no_folder(folder: Path) -> None:
    remove_orphans(folder)
    assert ChatStore(folder).list() == ()
