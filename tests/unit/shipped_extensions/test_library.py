"""Documents that are found by meaning: here by the letters that they have, with a model that can be counted."""

from pathlib import Path

import pytest

from extensions.rag.library import Library
from modules.core.errors import RequestError
from tests.unit.shipped_extensions.letters import Letters


@pytest.fixture
def model() -> Letters:
    return Letters()


def library_in(folder: Path, model: Letters, **options) -> Library:
    return Library(folder / "rag", folder / "cache", model, **options)


@pytest.fixture
def library(tmp_path: Path, model: Letters) -> Library:
    (tmp_path / "rag").mkdir()
    (tmp_path / "rag" / "zoo.txt").write_text("zzz zebra zoo\n\nzz top")
    (tmp_path / "rag" / "kiwi.md").write_text("kiwi kiwi kiwi")
    return library_in(tmp_path, model)


def test_the_nearest_passages_come_first(library: Library):
    library.refresh()
    found = library.search("zzz", 5, -1)
    assert [each.name for each in found] == ["zoo.txt", "kiwi.md"]
    assert (found[0].number, found[0].total) == (1, 1)
    assert found[0].score > found[1].score
    assert [each.name for each in library.search("kiwi", 5, 0.9)] == ["kiwi.md"]
    assert library.search("kiwi", 0, 0) == []
    assert library.search("  ", 5, -1) == []


def test_nothing_is_found_before_anything_was_read(library: Library):
    assert library.search("kiwi", 5, -1) == []


def test_a_document_is_read_once_and_kept(library: Library, model: Letters, tmp_path: Path):
    library.refresh()
    assert len(model.read) == 2
    library.refresh()
    other = library_in(tmp_path, model)
    other.refresh()
    assert len(model.read) == 2
    assert other.search("kiwi", 1, 0)[0].text == "kiwi kiwi kiwi"


def test_what_has_changed_is_read_again(library: Library, model: Letters, tmp_path: Path):
    library.refresh()
    (tmp_path / "rag" / "kiwi.md").write_text("quince quince quince quince")
    library.refresh()
    assert model.read[2:] == ["quince quince quince quince"]
    assert library.search("quince", 1, 0.9)[0].name == "kiwi.md"


def test_another_model_and_another_size_read_all_anew(
    library: Library, model: Letters, tmp_path: Path
):
    library.refresh()
    other = Letters("other")
    library_in(tmp_path, other).refresh()
    assert len(other.read) == 2
    library_in(tmp_path, other, size=100).refresh()
    assert len(other.read) == 4


@pytest.mark.parametrize("broken", [b"", b"PK\x03\x04nothing", b"\x93NUMPY"])
def test_a_broken_file_of_vectors_is_made_anew(
    library: Library, model: Letters, tmp_path: Path, broken: bytes
):
    library.refresh()
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(broken)
    other = library_in(tmp_path, model)
    other.refresh()
    assert len(model.read) == 4
    assert other.search("kiwi", 1, 0.9)


def test_vectors_of_documents_that_are_gone_go_too(library: Library, tmp_path: Path):
    library.refresh()
    library.remove("zoo.txt")
    library.refresh()
    assert [each.name for each in library.documents] == ["kiwi.md"]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_what_cannot_be_read_is_named_and_harms_no_other(library: Library, tmp_path: Path):
    (tmp_path / "rag" / "empty.txt").write_text("")
    (tmp_path / "rag" / "fake.pdf").write_bytes(b"%PDF-1.7 nothing")
    (tmp_path / "rag" / ".hidden").write_text("not a document")
    library.refresh()
    problems = {each.name: each.problem for each in library.documents}
    assert problems["empty.txt"] == "empty.txt is empty."
    assert problems["fake.pdf"]
    assert problems["kiwi.md"] == problems["zoo.txt"] == ""
    assert len(problems) == 4


def test_a_model_that_fails_is_named_with_each_document(library: Library, model: Letters):
    model.fails = True
    library.refresh()
    assert {each.problem for each in library.documents} == {"The model is not well."}
    assert library.search("kiwi", 5, -1) == []


def test_documents_are_added_by_checked_names(library: Library, tmp_path: Path):
    assert library.add("folder/notes.txt", b"some notes") == "notes.txt"
    assert (tmp_path / "rag" / "notes.txt").read_bytes() == b"some notes"
    for name in ("../evil.txt", "..txt", "con.txt", "a:b.txt"):
        try:
            added = library.add(name, b"text")
        except RequestError:
            continue
        assert (tmp_path / "rag" / added).is_file()
    assert {path.parent for path in tmp_path.rglob("*.txt")} == {tmp_path / "rag"}
    with pytest.raises(RequestError):
        library.add("picture.txt", b"")
    with pytest.raises(RequestError):
        library.remove("../cache")
