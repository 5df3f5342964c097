"""Documents of several people: nobody's chats read those of another."""

from dataclasses import replace
from pathlib import Path

import pytest

from extensions.rag import script
from extensions.rag.library import Library
from extensions.rag.shelf import Shelf
from modules.core.asked import ChatRequest
from modules.core.messages import Message
from tests.unit.shipped_extensions.letters import Letters

ASKED = ChatRequest(messages=(Message("user", ("kiwi?",)),))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    model = Letters()
    shelf = Shelf(
        tmp_path / "rag",
        tmp_path / "cache",
        lambda folder, cache: Library(folder, cache, model),
    )
    shelf.own("").add("all.txt", b"kiwi and quince")
    shelf.own("ada").add("diary.txt", b"kiwi kiwi kiwi")
    shelf.own("Ada").add("letter.txt", b"kiwi kiwi zebra")
    return shelf


def names(shelf: Shelf, person: str) -> list[str]:
    shelf.refresh(person)
    return [each.name for each in shelf.search(person, "kiwi", 9, -1)]


def test_each_person_finds_their_own_and_what_is_for_everybody(shelf: Shelf) -> None:
    assert names(shelf, "ada") == ["diary.txt", "all.txt"]
    assert names(shelf, "Ada") == ["letter.txt", "all.txt"]
    assert names(shelf, "bob") == names(shelf, "") == ["all.txt"]
    assert shelf.search("ada", "kiwi", 1, -1)[0].name == "diary.txt"
    assert shelf.search("ada", "kiwi", 0, -1) == []


def test_vectors_of_one_person_do_not_sweep_those_of_another(shelf: Shelf, tmp_path: Path) -> None:
    for person in ("ada", "Ada", "", "ada"):
        shelf.refresh(person)
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 3


@pytest.mark.parametrize("name", ["../..", "a/b", "..", "CON", "x" * 300])
def test_no_name_leaves_the_folder(shelf: Shelf, tmp_path: Path, name: str) -> None:
    shelf.own(name).add("x.txt", b"text")
    (found,) = tmp_path.rglob("x.txt")
    assert found.parent.parent == tmp_path / "rag" / "users"


@pytest.fixture
def extension(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "shelves", [shelf])
    monkeypatch.setattr(script, "own", script.OwnParams(script.params))


@pytest.mark.usefixtures("extension")
def test_chats_read_what_their_person_may_read() -> None:
    said = script.input_modifier("kiwi?", replace(ASKED, face="ui", person="ada"))
    assert "diary.txt" in said
    assert "all.txt" in said
    assert "letter.txt" not in said
    of_the_api = script.input_modifier("kiwi?", ASKED)
    assert "all.txt" in of_the_api
    assert "diary.txt" not in of_the_api


@pytest.mark.usefixtures("extension")
def test_who_wants_no_documents_changes_it_for_nobody_else() -> None:
    script.own.set("ada", "is_active", False)
    assert script.input_modifier("kiwi?", replace(ASKED, person="ada")) == "kiwi?"
    assert "all.txt" in script.input_modifier("kiwi?", replace(ASKED, person="bob"))
