"""What lists call characters: their own names, told apart where two have the same, and read anew when a file changes."""

import os
from pathlib import Path

from modules.prompts.character_names import CharacterNames
from tests.unit.prompts.test_characters import V2, encoded, png, text_chunk


def test_characters_are_called_as_they_call_themselves(tmp_path: Path) -> None:
    (tmp_path / "z.yaml").write_text("name: bea")
    (tmp_path / "card.png").write_bytes(png(text_chunk(encoded(V2))))
    (tmp_path / "No name.json").write_text('{"greeting": "Hello"}')
    (tmp_path / "Broken.yaml").write_text("{")
    shown = CharacterNames(tmp_path).shown()
    assert list(shown.items()) == [
        ("card", "Ada"),
        ("z", "bea"),
        ("Broken", "Broken"),
        ("No name", "No name"),
    ]


def test_two_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    for file in ("Ada", "Ada 2", "old"):
        (tmp_path / f"{file}.yaml").write_text("name: Ada")
    (tmp_path / "Bob.yaml").write_text("name: Bob")
    assert CharacterNames(tmp_path).shown() == {
        "Ada": "Ada",
        "Ada 2": "Ada (Ada 2)",
        "old": "Ada (old)",
        "Bob": "Bob",
    }


def test_the_file_that_counts_gives_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"name": "Card"}')
    (tmp_path / "a.yaml").write_text("name: Text")
    (tmp_path / "a.png").write_bytes(b"only a picture")
    assert CharacterNames(tmp_path).shown() == {"a": "Text"}


def test_a_file_that_changes_or_goes_is_seen(tmp_path: Path) -> None:
    names = CharacterNames(tmp_path)
    assert names.shown() == {}
    file = tmp_path / "a.yaml"
    file.write_text("name: Ada")
    assert names.shown() == {"a": "Ada"}
    file.write_text("name: Bea")
    os.utime(file, ns=(1, 1))  # of the same size, so only the time tells
    assert names.shown() == {"a": "Bea"}
    file.unlink()
    assert names.shown() == {}
