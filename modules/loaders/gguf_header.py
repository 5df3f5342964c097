"""The metadata at the head of a GGUF file, without loading the model.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3). Arrays are skipped,
which makes this take milliseconds where a vocabulary of 150,000 tokens would take a second.
"""

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from modules.core.errors import DamagedFile, LoadError
from modules.loaders.gguf_types import BLOCKS

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
_MAX_VERSION = 1000
"""No version of the format: the bytes are others'."""
_ALIGNMENT = 32
"""Of the weights, where the header names none."""


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
        raise DamagedFile(path.name) from None
    except OSError as error:
        raise LoadError(f"{path.name} cannot be read: {error.strerror}") from None
    if with_arrays:
        return header
    return {k: v for k, v in header.items() if not isinstance(v, tuple | SkippedArray)}


def count_gguf_weights(path: Path) -> int:
    """All numbers in the tensors of one file. LoadError as above, also when some of them lie beyond the end of the file."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            header = _read(file, size)  # what stands before the list of tensors
            tensors = _tensors(file, size)
            _check_within(tensors, file.tell(), header.get("general.alignment"), size)
            return sum(tensor.weights for tensor in tensors)
    except (struct.error, ValueError, EOFError):
        raise DamagedFile(path.name) from None
    except OSError as error:
        raise LoadError(f"{path.name} cannot be read: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class _Tensor:
    """`end`: bytes from the start of all weights; where the type is unknown, those of its beginning."""

    weights: int
    end: int


def _tensors(file: BinaryIO, size: int) -> list[_Tensor]:
    """The file stands where their descriptions begin, and afterwards where they end."""
    start = file.tell()
    file.seek(8)
    (count,) = _unpack(file, "<Q")
    file.seek(start)
    if count > _MAX_TENSORS:
        raise EOFError
    return [_tensor(file, size) for _ in range(count)]


def _tensor(file: BinaryIO, size: int) -> _Tensor:
    """The one whose description comes next: name, sides, type, offset."""
    _string(file, size)
    (dimensions,) = _unpack(file, "<I")
    if dimensions > _MAX_DIMENSIONS:
        raise EOFError
    weights = prod(_unpack(file, f"<{dimensions}Q"))
    kind, offset = _unpack(file, "<IQ")
    block, width = BLOCKS.get(kind, (1, 0))
    return _Tensor(weights, offset + weights // block * width)


def _check_within(tensors: list[_Tensor], end: int, alignment: Any, size: int) -> None:
    step = alignment if type(alignment) is int and alignment > 0 else _ALIGNMENT
    start = -(-end // step) * step
    if tensors and start + max(tensor.end for tensor in tensors) > size:
        raise EOFError


def _read(file: BinaryIO, size: int) -> dict[str, Any]:
    if file.read(4) != MAGIC:
        raise LoadError(f"{Path(file.name).name} is not a GGUF file")
    version, _, pairs = _unpack(file, "<IQQ")
    if version > _MAX_VERSION:
        raise EOFError
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
