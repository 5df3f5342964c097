"""Who talks in a chat: characters and the user, with their names and pictures. Reads files, so it is for a worker thread."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from modules.core.asked import Persona
from modules.pictures.sizes import Size
from modules.prompts.character_names import CharacterNames
from modules.prompts.character_pictures import CharacterPictures
from modules.prompts.characters import Character, load_character
from modules.prompts.modes import to_persona
from modules.ui.profile import Profile

FACE = Size(192, 192)
Serve = Callable[[bytes, str], str]
"""Bytes and a file name to an address that the page can show."""


@dataclass(frozen=True, slots=True)
class Face:
    """`picture`: its address, empty where there is none. `id`: name of the character's file, by which it is chosen."""

    name: str
    picture: str = ""
    id: str = ""


class People:
    """The characters of one folder."""

    def __init__(self, folder: Path, serve: Serve) -> None:
        self._folder = folder
        self._names = CharacterNames(folder)
        self._pictures = CharacterPictures(folder, FACE, lambda data: serve(data, "face.webp"))

    def faces(self) -> list[Face]:
        """As they call themselves, in that order."""
        shown = self._names.shown()
        return [Face(name, self.picture(file), file) for file, name in shown.items()]

    def called(self, name: str) -> str:
        """What the character of this file is called in lists."""
        return self._names.shown().get(name, name)

    def picture(self, name: str) -> str:
        """Empty where the character has none, or one that cannot be read."""
        return self._pictures.address(name)

    def load(self, name: str) -> Character | None:
        """None for nobody in particular. RequestError when the file is gone or broken."""
        return load_character(self._folder, name) if name else None

    def persona(self, name: str, mode: str, profile: Profile) -> Persona:
        """As prompts want it. Without a character the user's system message is the context."""
        character = self.load(name)
        context = profile.system_message if character is None and mode == "instruct" else None
        return to_persona(
            character,
            user_name=profile.user_name or None,
            context=context,
            user_bio=profile.user_bio or None,
        )

    def greeting(self, name: str, profile: Profile) -> str:
        return self.persona(name, "chat", profile).greeting


def said_in_prompt(persona: Persona) -> Persona:
    """The greeting is a message of the chat already."""
    return replace(persona, greeting="")
