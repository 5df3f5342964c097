"""What a speaker's process says to the server: frames of a kind, a length, and that many bytes."""

import json
import struct
from typing import Any, BinaryIO, Literal

Kind = Literal["sound", "done", "fault", "ready"]
_KINDS: tuple[Kind, ...] = ("sound", "done", "fault", "ready")
_HEAD = struct.Struct("<BI")
MAX_FRAME_BYTES = 2**28


def write_frame(pipe: BinaryIO, kind: Kind, body: bytes = b"") -> None:
    pipe.write(_HEAD.pack(_KINDS.index(kind), len(body)) + body)
    pipe.flush()


def read_frame(pipe: BinaryIO) -> tuple[Kind, bytes] | None:
    """None where there are no more, or a part of one."""
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    kind: int
    length: int
    kind, length = _HEAD.unpack(head)
    if kind >= len(_KINDS) or length > MAX_FRAME_BYTES:
        return None
    body = pipe.read(length)
    return (_KINDS[kind], body) if len(body) == length else None


def to_line(message: dict[str, Any]) -> bytes:
    """The other way messages are lines of JSON."""
    return json.dumps(message).encode() + b"\n"
