"""Whose files are whose, by where they are."""

from pathlib import Path

import pytest

from modules.ui.access.caller import caller, calling_as, folder_of, is_of_another

UPLOADS = Path("uploads").resolve()


def test_nobody_calls_outside_of_requests() -> None:
    with calling_as("ada"):
        assert caller() == "ada"
        with calling_as(None):
            assert caller() is None
        assert caller() == "ada"
    assert caller() is None


@pytest.mark.parametrize(
    ("login", "path", "is_foreign"),
    [
        ("ada", UPLOADS / folder_of("ada") / "f00" / "a.txt", False),
        ("bob", UPLOADS / folder_of("ada") / "f00" / "a.txt", True),
        (None, UPLOADS / folder_of("ada") / "f00" / "a.txt", True),
        ("bob", UPLOADS / folder_of("ada").upper() / "f00" / "a.txt", True),
        ("bob", UPLOADS / folder_of("bob") / folder_of("ada") / "a.txt", True),
        ("bob", UPLOADS / "f00" / "face.webp", False),
        (None, UPLOADS / "f00" / "a.txt", False),
        ("bob", UPLOADS / "f00" / "login-notes.txt", False),
    ],
)
def test_files_in_the_folder_of_a_login_are_its_own(
    login: str | None, path: Path, is_foreign: bool
) -> None:
    with calling_as(login):
        assert is_of_another(path) is is_foreign


def test_names_make_no_paths() -> None:
    names = ["ada", "Ada", "../x", "a/b", "", "\ud800", "é"]
    folders = {folder_of(name) for name in names}
    assert len(folders) == len(names)
    assert not any("/" in folder or "." in folder for folder in folders)
