"""The characters, with small pictures. Reads files, so it is for a worker thread."""

from dataclasses import dataclass
from pathlib import Path

from modules.core.errors import AppError
from modules.pictures.sizes import Size
from modules.pictures.thumbnails import to_data_url
from modules.prompts.character_names import CharacterNames
from modules.prompts.character_pictures import CharacterPictures
from modules.prompts.characters import load_character

CARD = Size(240, 320)
LINE = 140


@dataclass(frozen=True, slots=True)
class Card:
    """`id`: what the chat knows the character by. `picture`: with the bytes in it; empty where there is none. `line`: how the
    character greets, or why it cannot be talked to."""

    id: str
    name: str
    picture: str
    line: str

    def to_view(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name, "picture": self.picture, "line": self.line}


class Cards:
    """Of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = CharacterNames(folder)
        self._pictures = CharacterPictures(folder, CARD, to_data_url)

    def read(self) -> list[Card]:
        return [self._card(name, shown) for name, shown in self._names.shown().items()]

    def _card(self, name: str, shown: str) -> Card:
        picture = self._pictures.address(name)
        try:
            character = load_character(self._folder, name)
        except AppError as error:
            return Card(name, shown, picture, error.message)
        greeting = character.greeting.replace("{{char}}", character.name)
        line = " ".join(greeting.replace("{{user}}", "you").split())
        return Card(name, shown, picture, line[:LINE] + ("…" if len(line) > LINE else ""))
