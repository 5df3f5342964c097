"""Who talks in a chat: characters and the user, with their names and pictures. Reads files, so it is for a worker thread."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from modules.core.asked import Persona
from modules.core.errors import AppError
from modules.pictures.decoding import Decoder
from modules.prompts.characters import Character, list_characters, load_character
from modules.prompts.modes import to_persona
from modules.ui.profile import Profile

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
FACE_PX = 192
MAX_FACE_PIXELS = 50_000_000
Serve = Callable[[bytes, str], str]
"""Bytes and a file name to an address that the page can show."""


@dataclass(frozen=True, slots=True)
class Face:
    """`picture`: its address, empty where there is none."""

    name: str
    picture: str = ""


class People:
    """The characters of one folder. Pictures are made small once, and again when their file changes."""

    def __init__(self, folder: Path, serve: Serve) -> None:
        self._folder = folder
        self._serve = serve
        self._pictures: dict[tuple[str, int, int], str] = {}

    def names(self) -> list[str]:
        return list_characters(self._folder)

    def face(self, name: str) -> Face:
        return Face(name, self.picture(name)) if name else Face("Assistant")

    def picture(self, name: str) -> str:
        """Empty where the character has none, or one that cannot be read."""
        path = self._picture_file(name)
        if path is None:
            return ""
        try:
            stat = path.stat()
            key = (path.name, stat.st_mtime_ns, stat.st_size)
            if key not in self._pictures:
                self._pictures[key] = self._serve(_small(path.read_bytes()), "face.webp")
            return self._pictures[key]
        except (AppError, OSError, ValueError):
            return ""

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

    def _picture_file(self, name: str) -> Path | None:
        if not name or "/" in name or "\\" in name or ".." in name:
            return None
        found = (self._folder / f"{name}{ending}" for ending in PICTURES)
        return next((path for path in found if path.is_file()), None)


def said_in_prompt(persona: Persona) -> Persona:
    """The greeting is a message of the chat already."""
    return replace(persona, greeting="")


def _small(data: bytes) -> bytes:
    """A square from the upper middle, where faces are."""
    from PIL import Image

    decoded = Decoder(MAX_FACE_PIXELS).decode(data)
    image = Image.frombytes("RGB", (decoded.width, decoded.height), decoded.rgb)
    side = min(image.size)
    left = (image.width - side) // 2
    top = min((image.height - side) // 6, image.height - side)
    square = image.crop((left, top, left + side, top + side))
    square = square.resize((FACE_PX, FACE_PX))
    out = io.BytesIO()
    square.save(out, "WEBP", quality=85)
    return out.getvalue()
