"""Character cards: a character inside a PNG picture, as base64 of JSON in a text chunk.

The keyword of the chunk is `ccv3` for the third version of the card format and `chara` for the first two. Formats:
PNG specification, 11.3.3 (tEXt, zTXt, iTXt); https://github.com/malfoyslastname/character-card-spec-v2;
https://github.com/kwaroran/character-card-spec-v3.
"""

import base64
import binascii
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

PNG_LIMIT = 20 * 2**20
"""Bytes of the largest picture that is opened."""

TEXT_LIMIT = 2 * 2**20
"""Bytes of the largest text chunk, before and after unpacking."""

_CHUNK_COUNT = 20_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORDS = (b"ccv3", b"chara")
"""The newest first: a card often carries both."""

_LONGEST_KEYWORD = 79


class BrokenFile(Exception):
    """What is wrong with a file of a character, for the person who keeps it; without its name."""


def read_card(path: Path) -> bytes:
    """The JSON of the newest card in the picture."""
    if path.stat().st_size > PNG_LIMIT:
        raise BrokenFile(f"the picture is larger than {PNG_LIMIT // 2**20} MiB")
    with path.open("rb") as file:
        cards = _cards(file)
    for keyword in _KEYWORDS:
        if keyword in cards:
            kind, body = cards[keyword]
            return _from_base64(_UNPACK[kind](body))
    raise BrokenFile("the picture has no character in it: there is no `chara` or `ccv3` text")


def _from_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        raise BrokenFile("the text in the picture is not valid base64") from None


def _cards(file: BinaryIO) -> dict[bytes, tuple[bytes, bytes]]:
    """By keyword, the first text chunk of a card: its kind, and what follows the keyword, still packed."""
    cards: dict[bytes, tuple[bytes, bytes]] = {}
    for kind, length in _chunks(file):
        keyword = _keyword(file, length) if kind in _UNPACK else b""
        if keyword in _KEYWORDS and keyword not in cards:
            cards[keyword] = kind, _checked_body(file, kind, length)[len(keyword) + 1 :]
        else:
            file.seek(length + 4, 1)
    return cards


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Kind and length of each chunk; the file stands at its body then, and must be moved past it and its checksum."""
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        raise BrokenFile("it is not a PNG picture")
    for _ in range(_CHUNK_COUNT):
        head = _exactly(file, 8)
        if head[4:] == b"IEND":
            return
        yield head[4:], int.from_bytes(head[:4], "big")
    raise BrokenFile(f"the picture has more than {_CHUNK_COUNT} chunks")


def _keyword(file: BinaryIO, length: int) -> bytes:
    """What stands before the first zero byte; the file is where it was then."""
    start = file.read(min(length, _LONGEST_KEYWORD + 1))
    file.seek(-len(start), 1)
    return start.partition(b"\0")[0].lower()


def _checked_body(file: BinaryIO, kind: bytes, length: int) -> bytes:
    if length > TEXT_LIMIT:
        raise BrokenFile(f"the text in the picture is larger than {TEXT_LIMIT // 2**20} MiB")
    body = _exactly(file, length)
    if zlib.crc32(kind + body) != int.from_bytes(_exactly(file, 4), "big"):
        raise BrokenFile("the text in the picture is damaged: its checksum does not fit")
    return body


def _exactly(file: BinaryIO, length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise BrokenFile("the picture ends too early")
    return data


def _plain(body: bytes) -> bytes:
    return body


def _packed(body: bytes) -> bytes:
    """zTXt: a byte that names the method (0, deflate), then the packed text."""
    return _unpack(body[1:])


def _international(body: bytes) -> bytes:
    """iTXt: is packed, method, language, zero, translated keyword, zero, text."""
    _, _, rest = body[2:].partition(b"\0")
    _, _, text = rest.partition(b"\0")
    return _unpack(text) if body[:1] == b"\1" else text


def _unpack(data: bytes) -> bytes:
    """Stops at the limit: a few bytes can stand for gigabytes."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, TEXT_LIMIT + 1)
    except zlib.error:
        raise BrokenFile("the text in the picture cannot be unpacked") from None
    if len(text) > TEXT_LIMIT:
        raise BrokenFile(f"the text in the picture is larger than {TEXT_LIMIT // 2**20} MiB")
    if not unpacker.eof:
        raise BrokenFile("the text in the picture ends too early")
    return text


_UNPACK: Mapping[bytes, Callable[[bytes], bytes]] = {
    b"tEXt": _plain,
    b"zTXt": _packed,
    b"iTXt": _international,
}
