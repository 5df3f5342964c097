"""Both stores do the same; the one on the disk also survives what happens to files."""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings as limits, strategies as st

from modules.chats.conversation import Conversation
from modules.chats.disk_store import ChatStore, user_folder
from modules.chats.findings import MAX_SEARCHES, Findings
from modules.chats.json_format import from_json, to_json
from modules.chats.memory_store import MemoryStore
from modules.chats.store import ConversationStore
from modules.chats.turns import Attachment, Version
from modules.core.errors import Conflict, NotFound, RequestError
from modules.ui.chat.sidebar_view import to_sidebar
from tests.unit.chats.makers import chat, png, reply, rich_chat


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ConversationStore:
    return ChatStore(tmp_path / "chats") if request.param == "disk" else MemoryStore()


@pytest.fixture
def disk(tmp_path: Path) -> ChatStore:
    return ChatStore(tmp_path / "chats")


def titles(store: ConversationStore, query: str = "") -> list[str]:
    return [summary.title for summary in store.search(query)]


def test_an_empty_store(store: ConversationStore) -> None:
    assert store.list() == ()
    assert store.search("x") == ()
    with pytest.raises(NotFound):
        store.load("none")
    with pytest.raises(NotFound):
        store.delete("none")


def test_what_was_saved_is_loaded(store: ConversationStore) -> None:
    file = store.add_file("rich", png(), "image/png")
    saved = store.save(replace(rich_chat(file), id="rich"))
    assert store.load("rich") == saved
    assert saved.updated > 0
    assert saved.revision == 1
    assert store.read_file("rich", file) == png()


def test_the_newest_stands_first(store: ConversationStore) -> None:
    first = store.save(chat("first", "a"))
    store.save(chat("second", "b"))
    assert titles(store) == ["second", "first"]
    store.save(first.appended("user", Version.of("more")))
    assert titles(store) == ["first", "second"]
    assert store.list()[0].message_count == 3
    assert store.list()[0].snippet == "more"


def test_search_looks_at_titles_and_texts_in_any_case(store: ConversationStore) -> None:
    store.save(chat("Bread", "Take FLOUR and\nwater. " + "x" * 200))
    store.save(chat("Cake", "Take sugar"))
    assert titles(store, "bread") == ["Bread"]
    found = store.search("flour  AND water")
    assert [summary.title for summary in found] == ["Bread"]
    assert found[0].snippet.startswith("Take FLOUR and water. xxx")
    assert found[0].snippet.endswith("…")
    assert titles(store, "take") == ["Cake", "Bread"]
    assert titles(store, "(.*") == []


def test_renaming(store: ConversationStore) -> None:
    saved = store.save(chat("hello", "hi"))
    assert store.rename(saved.id, "  A\nname ").title == "A name"
    assert titles(store) == ["A name"]


def test_deleting_takes_the_files_along(store: ConversationStore) -> None:
    saved = store.save(chat("hello", "hi"))
    file = store.add_file(saved.id, png(), "image/png")
    store.delete(saved.id)
    assert store.list() == ()
    with pytest.raises(NotFound):
        store.read_file(saved.id, file)


def test_two_windows_never_write_over_each_other(store: ConversationStore) -> None:
    saved = store.save(chat("hello", "hi"))
    newer = store.save(saved.appended("user", Version.of("from the first window")))
    mine = saved.appended("user", Version.of("from the second window"))
    with pytest.raises(Conflict, match="another window"):
        store.save(mine)
    assert store.load(saved.id) == newer
    store.save(mine.copied(), files_of=mine.id)
    assert sorted(titles(store)) == ["hello", "hello (copy)"]


def test_what_was_deleted_elsewhere_does_not_come_back_by_itself(store: ConversationStore) -> None:
    saved = store.save(chat("hello", "hi"))
    store.delete(saved.id)
    with pytest.raises(Conflict, match="deleted"):
        store.save(saved)


def test_a_branch_has_its_own_files(store: ConversationStore) -> None:
    original = chat()
    file = store.add_file(original.id, png(), "image/png")
    pictures = (Attachment("a", "image", file=file),)
    saved = store.save(original.appended("user", Version.of("look", attachments=pictures)))
    branch = store.save(saved.branched(0), files_of=saved.id)
    store.delete(saved.id)
    assert store.read_file(branch.id, file) == png()


@pytest.mark.parametrize("name", ["../x.json", "a.png", "", "/etc/passwd", "0" * 32 + ".png/.."])
def test_only_files_of_a_chat_are_read(store: ConversationStore, name: str) -> None:
    store.save(replace(chat("hello"), id="a"))
    with pytest.raises(RequestError):
        store.read_file("a", name)


@pytest.mark.parametrize("bad", ["../a", "a/b", "..", "", "a\0"])
def test_ids_are_never_paths(store: ConversationStore, bad: str) -> None:
    for use in (store.load, store.delete):
        with pytest.raises(RequestError):
            use(bad)


def test_a_second_store_reads_what_the_first_wrote(disk: ChatStore) -> None:
    saved = disk.save(rich_chat())
    again = ChatStore(disk.folder)
    assert again.load(saved.id) == saved
    assert again.list() == disk.list()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"format": "other"}', b"\xff\xfe", b"[" * 100_000],
)
def test_a_broken_file_is_told_and_left_alone(disk: ChatStore, content: bytes) -> None:
    disk.save(chat("hello", "hi"))
    path = disk.folder / "broken.json"
    path.write_bytes(content)
    broken = next(each for each in disk.list() if each.id == "broken")
    assert broken.problem.startswith("The file broken.json cannot be opened")
    with pytest.raises(RequestError, match=r"broken\.json"):
        disk.load("broken")
    with pytest.raises(RequestError, match=r"broken\.json"):
        disk.save(replace(chat("new"), id="broken"))
    assert path.read_bytes() == content
    assert titles(disk, "hello") == ["hello"]
    disk.delete("broken")
    assert not path.exists()


def test_a_file_whose_messages_are_wrong_says_where(disk: ChatStore) -> None:
    saved = disk.save(chat("hello", "hi"))
    raw = to_json(saved)
    raw["turns"][1]["versions"][0]["steps"][0]["text"] = 5
    (disk.folder / f"{saved.id}.json").write_text(json.dumps(raw))
    with pytest.raises(
        RequestError, match=r"turns\[1\].versions\[0\].steps\[0\].text must be text"
    ):
        disk.load(saved.id)


@pytest.mark.parametrize("updated", [9e15, 1e12, -1e300, "soon"])
def test_a_time_that_no_calendar_has_does_not_hide_the_list(
    disk: ChatStore, updated: object
) -> None:
    saved = disk.save(chat())
    raw = to_json(saved) | {"updated": updated}
    (disk.folder / f"{saved.id}.json").write_text(json.dumps(raw))
    summary = ChatStore(disk.folder).list()[0]
    assert to_sidebar([summary], (), lambda _: "")[0]["chats"][0]["id"] == saved.id


def test_other_files_in_the_folder_are_passed_over(disk: ChatStore) -> None:
    disk.save(chat("hello", "hi"))
    (disk.folder / "old log 1.json").write_text("{}")
    (disk.folder / "notes.txt").write_text("x")
    assert titles(disk) == ["hello"]


def test_a_changed_file_is_read_anew(disk: ChatStore) -> None:
    saved = disk.save(chat("hello", "hi"))
    disk.list()
    path = disk.folder / f"{saved.id}.json"
    path.write_text(json.dumps(to_json(saved.renamed("changed by hand"))))
    assert titles(disk) == ["changed by hand"]
    path.unlink()
    assert disk.list() == ()


def test_a_search_that_stays_on_reads_only_what_has_changed(disk: ChatStore) -> None:
    """Files are changed behind its back; one of them with the same size and time, which only those who read it again can see."""
    same = disk.save(chat("the cat sat").renamed("same"))
    changed = disk.save(chat("a cat ran").renamed("changed"))
    assert titles(disk, "cat") == ["changed", "same"]
    for each in (same, changed):
        path = disk.folder / f"{each.id}.json"
        times = path.stat()
        path.write_bytes(path.read_bytes().replace(b"cat", b"dog"))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 10**9 * (each is changed)))
    assert titles(disk, "cat") == ["same"]
    assert titles(disk, "dog") == ["changed", "same"]


def test_what_a_search_found_follows_saves_and_deletes(disk: ChatStore) -> None:
    saved = disk.save(chat("about cats", "hi"))
    other = disk.save(chat("cats again", "hi"))
    assert len(titles(disk, "cats")) == 2
    saved = disk.save(saved.edited(0, "about dogs").renamed("x"))
    assert titles(disk, "cats") == ["cats again"]
    disk.delete(other.id)
    assert titles(disk, "cats") == []
    disk.save(saved.edited(0, "cats after all"))
    assert titles(disk, "cats") == ["x"]


def test_the_memory_of_searches_is_bounded() -> None:
    findings, looks = Findings(), list[str]()

    def look(file_id: str) -> str:
        looks.append(file_id)
        return "snippet"

    for number in range(MAX_SEARCHES + 1):
        assert findings.find(str(number), {"a": (1, 1, 1)}, look) == {"a": "snippet"}
    looks.clear()
    findings.find("1", {"a": (1, 1, 1)}, look)
    assert looks == []
    findings.find("0", {"a": (1, 1, 1), "b": (1, 1, 1)}, look)
    assert looks == ["a", "b"]
    findings.find("0", {"b": (1, 1, 1)}, look)
    findings.find("0", {"a": (1, 1, 1), "b": (1, 1, 2)}, look)
    assert looks == ["a", "b", "a", "b"]


def test_what_cannot_be_read_now_is_looked_at_again() -> None:
    def gone(_: str) -> str:
        raise NotFound("gone")

    findings = Findings()
    assert findings.find("x", {"a": (1, 1, 1)}, gone) == {}
    assert findings.find("x", {"a": (1, 1, 1)}, lambda _: "here") == {"a": "here"}


def test_files_that_nothing_names_go_after_an_hour(disk: ChatStore) -> None:
    conversation = chat("hello", "hi")
    old = disk.add_file(conversation.id, png("red"), "image/png")
    new = disk.add_file(conversation.id, png("blue"), "image/png")
    path = disk.file_path(conversation.id, old)
    os.utime(path, (1, 1))
    disk.save(conversation)
    assert not path.exists()
    assert disk.read_file(conversation.id, new) == png("blue")


def test_in_memory_a_file_goes_with_the_message_that_named_it() -> None:
    store, conversation = MemoryStore(), chat("hello", "hi")
    kept, gone = (
        store.add_file(conversation.id, png(color), "image/png") for color in ("blue", "red")
    )
    looks = (
        Version.of("look", attachments=(Attachment("a", "image", file=f),)) for f in (kept, gone)
    )
    for look in looks:
        conversation = conversation.appended("user", look)
    saved = store.save(conversation)
    branch = store.save(saved.branched(3), files_of=saved.id)
    shorter = store.save(saved.without(3))
    assert store.read_file(shorter.id, kept) == png("blue")
    with pytest.raises(NotFound):
        store.read_file(shorter.id, gone)
    assert store.read_file(branch.id, gone) == png("red")


def test_in_memory_the_files_of_a_message_that_is_given_up_go() -> None:
    store, saved = MemoryStore(), chat("hello")
    file = store.add_file(saved.id, png(), "image/png")
    pictures = (Attachment("a", "image", file=file),)
    store.save(saved.appended("user", Version.of("look", attachments=pictures)))
    given_up = [(i, store.add_file(i, png("blue"), "image/png")) for i in (saved.id, "unsaved")]
    for chat_id, name in given_up:
        assert store.read_file(chat_id, name)
        store.leave(chat_id)
        with pytest.raises(NotFound):
            store.read_file(chat_id, name)
    assert store.read_file(saved.id, file) == png()


def test_a_save_that_fails_leaves_the_old_file(
    disk: ChatStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = disk.save(chat("hello", "hi"))

    def fail(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("modules.chats.disk_store.write_atomically", fail)
    with pytest.raises(RequestError, match="No space left on device"):
        disk.save(saved.renamed("x"))
    assert disk.load(saved.id) == saved


def test_texts_that_no_file_can_hold_do_not_stop_a_save(disk: ChatStore) -> None:
    saved = disk.save(chat("half \ud800", "hi"))
    assert disk.load(saved.id).turns[0].version.text == "half ?"


def test_threads_that_save_at_once(disk: ChatStore) -> None:
    """Of those that began with the same, one wins; the others are told."""
    saved = disk.save(chat("hello", "hi"))
    outcomes: list[bool] = []

    def save(text: str) -> None:
        try:
            disk.save(saved.appended("user", Version.of(text)))
            outcomes.append(True)
        except Conflict:
            outcomes.append(False)

    threads = [threading.Thread(target=save, args=(str(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True]
    assert len(disk.load(saved.id).turns) == 3


def test_each_user_has_a_folder_and_none_leaves_the_place() -> None:
    base = Path("/chats")
    names = ["ann", "Ann", "ANN", "../ann", "a/b", "con", "nul.txt", "~x", ".", "", "ä", "a" * 300]
    folders = [user_folder(base, name) for name in names]
    assert len({str(folder).lower() for folder in folders}) == len(names)
    assert all(folder.parent == base / "users" for folder in folders)
    assert user_folder(base, None) == base
    assert user_folder(base, "ann") == base / "users" / "ann"


def test_json_and_back_is_the_same() -> None:
    conversation = rich_chat("0" * 32 + ".png")
    assert from_json(json.loads(json.dumps(to_json(conversation)))) == conversation


@limits(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=6), st.text(max_size=200))
def test_any_text_survives(texts: list[str], title: str) -> None:
    conversation = chat(*texts).renamed(title)
    assert from_json(json.loads(json.dumps(to_json(conversation)))) == conversation


def _older(change: Callable[[dict[str, object]], None]) -> dict[str, object]:
    raw = to_json(Conversation().appended("assistant", reply("x")))
    change(raw)
    return raw


def test_a_newer_format_is_not_guessed_at() -> None:
    with pytest.raises(RequestError, match="newer version"):
        from_json(_older(lambda raw: raw.update(version=99)))
