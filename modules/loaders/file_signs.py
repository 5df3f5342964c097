"""Whether a file can be what its name says: a few bytes of it are looked at, which tells junk and most halves of files from models."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

PICKLE = b"\x80\x02"
"""How files of torch before 1.6 begin."""
ONNX = b"\x08"
"""The tag of the first field, the version of the format."""
MAX_SAFETENSORS_HEADER_BYTES = 100_000_000
"""The format's own limit."""


def begins_well(path: Path) -> bool:
    """True for files of other kinds, and for folders. OSError where it cannot be read."""
    test = TESTS.get(path.suffix.lower())
    if test is None or not path.is_file():
        return True
    with path.open("rb") as file:
        return test(file)


def _is_torch_file(file: BinaryIO) -> bool:
    """An archive that is whole to its end, or the older kind, of which only the beginning can be told."""
    return file.read(2) == PICKLE or zipfile.is_zipfile(file)


def _is_onnx(file: BinaryIO) -> bool:
    return file.read(1) == ONNX


def _is_safetensors(file: BinaryIO) -> bool:
    """A header in JSON, as long as the file says, and not longer than the file."""
    start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    size = file.seek(0, 2)
    return 2 <= length <= min(size - 8, MAX_SAFETENSORS_HEADER_BYTES) and start[8:] == b"{"


TESTS: Mapping[str, Callable[[BinaryIO], bool]] = {
    ".pt": _is_torch_file,
    ".ckpt": _is_torch_file,
    ".onnx": _is_onnx,
    ".safetensors": _is_safetensors,
}
"""By the ending of the name."""
