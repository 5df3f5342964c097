"""Pictures for the tests, made on the spot."""

import base64
import struct
import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from PIL import Image

RED, BLUE = (255, 0, 0), (0, 0, 255)
# Lossy formats change colours a little.
LOSSLESS = ("PNG", "GIF", "BMP")
FORMATS = (*LOSSLESS, "JPEG", "WEBP")


def encode(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def square(
    kind: str = "PNG", color: tuple[int, ...] = RED, size: tuple[int, int] = (4, 3), **options: Any
) -> bytes:
    """One colour; with four numbers it has transparency."""
    mode = "RGBA" if len(color) == 4 else "RGB"
    return encode(Image.new(mode, size, color), kind, **options)


def data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_that_claims(width: int, height: int) -> bytes:
    """A small file whose header promises that many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def pixel(rgb: bytes, width: int, x: int, y: int) -> tuple[int, ...]:
    start = (y * width + x) * 3
    return tuple(rgb[start : start + 3])


def is_near(found: Sequence[int], wanted: Sequence[int], within: int = 8) -> bool:
    return all(abs(a - b) <= within for a, b in zip(found, wanted, strict=True))
