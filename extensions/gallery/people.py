"""The characters, with small pictures. Reads files, so it is for a worker thread."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules.core.errors import AppError
from modules.pictures.decoding import Decoder
from modules.prompts.characters import list_characters, load_character

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
SIZE_PX = (240, 320)
MAX_PIXELS = 50_000_000
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
    """Of one folder. A picture is made small once, and again when its file changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pictures: dict[tuple[str, int, int], str] = {}

    def read(self) -> list[Card]:
        return [self._card(name) for name in list_characters(self._folder)]

    def _card(self, name: str) -> Card:
        picture = self._picture(name)
        try:
            character = load_character(self._folder, name)
        except AppError as error:
            return Card(name, name, picture, error.message)
        greeting = character.greeting.replace("{{char}}", character.name)
        line = " ".join(greeting.replace("{{user}}", "you").split())
        return Card(
            name, character.name or name, picture, line[:LINE] + ("…" if len(line) > LINE else "")
        )

    def _picture(self, name: str) -> str:
        path = next(
            (path for ending in PICTURES if (path := self._folder / f"{name}{ending}").is_file()),
            None,
        )
        if path is None:
            return ""
        try:
            state = path.stat()
            key = (path.name, state.st_mtime_ns, state.st_size)
            if key not in self._pictures:
                self._pictures[key] = _small(path.read_bytes())
            return self._pictures[key]
        except (AppError, OSError, ValueError):
            return ""


def _small(data: bytes) -> str:
    """The upper middle, where faces are, in the shape of a card."""
    from PIL import Image, ImageOps

    decoded = Decoder(MAX_PIXELS).decode(data)
    image: Any = Image.frombytes("RGB", (decoded.width, decoded.height), decoded.rgb)
    card: Any = ImageOps.fit(image, SIZE_PX, centering=(0.5, 0.2))
    out = io.BytesIO()
    card.save(out, "WEBP", quality=82)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode('ascii')}"
