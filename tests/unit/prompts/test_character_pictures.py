"""Small pictures of characters: made once, made anew when their file changes, and none where there is none."""

from pathlib import Path

import pytest

from modules.pictures.sizes import Size
from modules.prompts.character_pictures import CharacterPictures
from tests.unit.chats.makers import png


class Shown:
    """Counts what is made, and gives each an address."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, data: bytes) -> str:
        assert data.startswith(b"RIFF")
        self.count += 1
        return f"address/{self.count}"


def test_a_picture_is_made_small_once_and_again_when_it_changes(tmp_path: Path) -> None:
    shown = Shown()
    pictures = CharacterPictures(tmp_path, Size(8, 8), shown)
    (tmp_path / "Ada.png").write_bytes(png())
    assert [pictures.address("Ada"), pictures.address("Ada")] == ["address/1"] * 2
    (tmp_path / "Ada.png").write_bytes(png("green", (70, 90)))
    assert pictures.address("Ada") == "address/2"
    (tmp_path / "Ada.png").unlink()
    assert pictures.address("Ada") == ""
    assert shown.count == 2


@pytest.mark.parametrize("name", ["", "Bob", "Nobody", "../Ada", "sub/Ada", "sub\\Ada"])
def test_without_a_readable_picture_in_the_folder_there_is_no_address(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "characters"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "Ada.png").write_bytes(png())
    (folder / "sub" / "Ada.png").write_bytes(png())
    (folder / "Bob.png").write_bytes(b"broken")
    assert CharacterPictures(folder, Size(8, 8), Shown()).address(name) == ""
