"""Checksums of files on the disk, as the hub has them."""

import hashlib
from pathlib import Path

from modules.core.jobs import Job
from modules.downloads.remote import RemoteFile

_BLOCK_BYTES = 2**22


def is_intact(path: Path, file: RemoteFile, job: Job) -> bool:
    """Whether the file at `path` is the remote one. Reads all of it; Cancelled between blocks."""
    if path.stat().st_size != file.size:
        return False
    if file.algorithm == "sha256":
        found = hashlib.sha256()
    else:
        # The id of a git blob: a SHA-1 over a header and the content.
        found = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with path.open("rb") as opened:
        while block := opened.read(_BLOCK_BYTES):
            job.check()
            found.update(block)
    return found.hexdigest() == file.digest
