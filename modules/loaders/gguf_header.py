"""The metadata at the head of a GGUF file, without loading the model.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3). Arrays are skipped,
which makes this take milliseconds where a vocabulary of 150,000 tokens would take a second.
"""

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from modules.core.errors import LoadError

MAGIC = b"GGUF"
_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING, _ARRAY = 8, 9
_MAX_PAIRS = 65_536
_MAX_DEPTH = 8
_MAX_TENSORS = 1_000_000
_MAX_DIMENSIONS = 8
_MAX_STRING = 64 * 2**20
_MAX_KEPT = 1024


@dataclass(frozen=True, slots=True)
class SkippedArray:
    """What stands for an array that is long or has strings."""

    length: int


def read_gguf_header(path: Path, *, with_arrays: bool = False) -> dict[str, Any]:
    """Key to scalar or string, e.g. `general.architecture`; LoadError when the file is no GGUF model.

    `with_arrays`: short arrays of numbers too, as tuples; others as SkippedArray.
    """
    try:
        with path.open("rb") as file:
            header = _read(file, path.stat().st_size)
    except (struct.error, ValueError, EOFError):
        raise LoadError(f"{path.name} is cut short or damaged") from None
    except OSError as error:
        raise LoadError(f"{path.name} cannot be read: {error.strerror}") from None
    if with_arrays:
        return header
    return {k: v for k, v in header.items() if not isinstance(v, tuple | SkippedArray)}


def count_gguf_weights(path: Path) -> int:
    """All numbers in the tensors of one file. LoadError as above."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            _read(file, size)  # what stands before the list of tensors
            end = file.tell()
            file.seek(8)
            (tensors,) = _unpack(file, "<Q")
            file.seek(end)
            if tensors > _MAX_TENSORS:
                raise EOFError
            return sum(_tensor_weights(file, size) for _ in range(tensors))
    except (struct.error, ValueError, EOFError):
        raise LoadError(f"{path.name} is cut short or damaged") from None
    except OSError as error:
        raise LoadError(f"{path.name} cannot be read: {error.strerror}") from None


def _tensor_weights(file: BinaryIO, size: int) -> int:
    """Of the tensor whose description comes next: name, sides, type, offset."""
    _string(file, size)
    (dimensions,) = _unpack(file, "<I")
    if dimensions > _MAX_DIMENSIONS:
        raise EOFError
    sides = _unpack(file, f"<{dimensions}Q")
    _unpack(file, "<IQ")
    return prod(sides)


def _read(file: BinaryIO, size: int) -> dict[str, Any]:
    if file.read(4) != MAGIC:
        raise LoadError(f"{Path(file.name).name} is not a GGUF file")
    version, _tensors, pairs = _unpack(file, "<IQQ")
    if version not in (2, 3):
        raise LoadError(f"{Path(file.name).name} is GGUF version {version}; 2 and 3 are known")
    if pairs > _MAX_PAIRS:
        raise EOFError
    header: dict[str, Any] = {}
    for _ in range(pairs):
        key = _string(file, size)
        (kind,) = _unpack(file, "<I")
        header[key] = _value(file, kind, size)
    return header


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _string(file: BinaryIO, size: int) -> str:
    (length,) = _unpack(file, "<Q")
    if length > min(size, _MAX_STRING):
        raise EOFError
    data = file.read(length)
    if len(data) < length:
        raise EOFError
    return data.decode(errors="replace")


def _value(file: BinaryIO, kind: int, size: int) -> Any:
    if kind == _STRING:
        return _string(file, size)
    if kind == _ARRAY:
        return _array(file, size)
    if kind not in _SCALARS:
        raise EOFError
    return _unpack(file, "<" + _SCALARS[kind])[0]


def _array(file: BinaryIO, size: int) -> "tuple[Any, ...] | SkippedArray":
    start = file.tell()
    kind, count = _unpack(file, "<IQ")
    if kind in _SCALARS and count <= _MAX_KEPT:
        return _unpack(file, f"<{count}{_SCALARS[kind]}")
    file.seek(start)
    _skip_array(file, size)
    return SkippedArray(count)


def _skip_array(file: BinaryIO, size: int, depth: int = 0) -> None:
    kind, count = _unpack(file, "<IQ")
    if count > size or depth > _MAX_DEPTH:
        raise EOFError
    if kind == _STRING:
        for _ in range(count):
            (length,) = _unpack(file, "<Q")
            file.seek(length, 1)
    elif kind == _ARRAY:
        for _ in range(count):
            _skip_array(file, size, depth + 1)
    elif kind not in _SCALARS:
        raise EOFError
    else:
        file.seek(count * struct.calcsize("<" + _SCALARS[kind]), 1)
    if file.tell() > size:
        raise EOFError
