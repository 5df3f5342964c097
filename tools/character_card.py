"""Writes a character as a TavernAI card: a PNG picture, drawn here, with the character in a text chunk.

python -m tools.character_card user_data/characters/Example.yaml            # writes Example.png beside it
python -m tools.character_card user_data/characters/Example.yaml card.png
"""

import argparse
import base64
import json
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from modules.prompts.characters import Character, load_character

WIDTH, HEIGHT = 96, 144
NIGHT, STONE, WOOD = (24, 20, 36), (74, 66, 72), (92, 54, 30)
FLAMES = ((0.42, (196, 62, 24)), (0.29, (240, 132, 32)), (0.16, (255, 214, 92)))
"""Each flame's width as a part of the picture's, and its colour; the last is drawn on top."""

Colour = tuple[int, int, int]


def build_card(character: Character) -> bytes:
    """The bytes of a PNG file; the same character always gives the same ones."""
    rows = (b"\0" + b"".join(bytes(_colour(x, y)) for x in range(WIDTH)) for y in range(HEIGHT))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, body)
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)),
            (b"tEXt", b"chara\0" + base64.b64encode(_to_json(character))),
            (b"IDAT", zlib.compress(b"".join(rows), 9)),
            (b"IEND", b""),
        )
    )


def _to_json(character: Character) -> bytes:
    """The second version of the card format; every text is one of its fields or empty."""
    data: dict[str, Any] = {
        "name": character.name,
        "description": character.context,
        "personality": "",
        "scenario": "",
        "first_mes": character.greeting,
        "mes_example": "",
        "creator_notes": "",
        "system_prompt": "",
        "post_history_instructions": "",
        "alternate_greetings": [],
        "tags": [],
        "creator": "Hearth",
        "character_version": "1",
        "extensions": {},
    }
    card: dict[str, Any] = {"spec": "chara_card_v2", "spec_version": "2.0", "data": data}
    return json.dumps(card, ensure_ascii=False).encode()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _colour(x: int, y: int) -> Colour:
    """A fire of two logs in a stone arch, at night."""
    across, down = x / WIDTH - 0.5, y / HEIGHT
    colour = NIGHT if _is_inside_arch(across, down) else STONE
    for width, flame in FLAMES:
        if _is_in_flame(across, down, width):
            colour = flame
    return WOOD if 0.82 < down < 0.9 and abs(across) < 0.34 else colour


def _is_inside_arch(across: float, down: float) -> bool:
    return abs(across) < 0.4 and (down > 0.34 or across**2 + (0.7 * (0.34 - down)) ** 2 < 0.16)


def _is_in_flame(across: float, down: float, width: float) -> bool:
    """A drop that stands on the logs: narrow at the tip, round at the foot."""
    height = (0.86 - down) / (1.5 * width)
    if not 0 <= height <= 1:
        return False
    return abs(across) < width * (1 - height) * (0.45 + height * (1.2 - height))


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="character_card", description=__doc__)
    parser.add_argument("character", type=Path, help="a file of a character")
    parser.add_argument("card", type=Path, nargs="?", help="the picture to write")
    options = parser.parse_args(None if arguments is None else list(arguments))
    source: Path = options.character
    card: Path = options.card or source.with_suffix(".png")
    card.write_bytes(build_card(load_character(source.parent, source.name)))
    print(f"Wrote {card}")


if __name__ == "__main__":
    main()
