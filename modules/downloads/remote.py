"""What a repository of the hub holds, as its listing says; and which of its names can be those of files here."""

import re
from dataclasses import dataclass
from typing import Literal

from modules.core.errors import ModelError
from modules.core.options import shown

MAX_PATH_CHARS = 1024
MAX_PART_BYTES = 200
_FORBIDDEN = frozenset('\\:*?"<>|')
_DIGEST_LENGTHS = {"sha256": 64, "git-sha1": 40}
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """`size` in bytes. `algorithm` "git-sha1" is that of git's objects, which small files have; large ones have a SHA-256."""

    path: str
    size: int
    algorithm: Literal["sha256", "git-sha1"]
    digest: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(self.path.split("/")[:-1])

    @property
    def is_hidden(self) -> bool:
        return any(
            part.startswith(".") and part not in (".", "..") for part in self.path.split("/")
        )


@dataclass(frozen=True, slots=True)
class RemoteRepository:
    """`commit` pins all files to one state of the repository, whatever happens to its branch meanwhile."""

    name: str
    commit: str
    files: tuple[RemoteFile, ...]


def check_remote_file(file: RemoteFile, repository: str) -> None:
    """ModelError for a name that would lead out of its folder or cannot be a file's, and for a size or checksum that is none.

    Names and checksums of a listing become names of files here, so none is taken on trust.
    """
    parts = file.path.split("/")
    if len(file.path) > MAX_PATH_CHARS or not all(_is_plain(part) for part in parts):
        raise ModelError(
            f"{repository} lists a file whose name cannot be used here: {shown(file.path)}."
        )
    has_digest = len(file.digest) == _DIGEST_LENGTHS[file.algorithm] and _HEX.fullmatch(file.digest)
    if file.size < 0 or not has_digest:
        raise ModelError(f"The hub gives no size or checksum for {shown(file.path)}.")


def _is_plain(part: str) -> bool:
    """Not empty, not `.` or `..`, nothing that some system reads as something else."""
    return (
        bool(part)
        and not part.startswith(".")
        and not part.endswith((" ", "."))
        and part.isprintable()
        and not _FORBIDDEN & set(part)
        and len(part.encode("utf-8", "replace")) <= MAX_PART_BYTES
    )
