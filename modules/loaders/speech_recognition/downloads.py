"""Checkpoints from the web, which the settings named."""

import hashlib
import logging
import os
import tempfile
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

from modules.core.errors import LoadError

log = logging.getLogger("hearth.media")

TIMEOUT_S = 20.0
"""For the connection, and for each piece of the file."""
PIECE_BYTES = 2**20


def fetch(url: str, target: Path) -> None:
    """Download a checkpoint whose checksum stands in its URL. `target` appears only when all of it is there and right.

    whisper's own way writes the file in place, so that half of one would look like a model, and it waits for ever.
    """
    log.info("Downloading %s to %s", url, target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=target.parent, prefix=".download-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                found = _copy(url, file)
            if found != url.split("/")[-2]:
                raise LoadError(f"The download of {target.name} is damaged; try again.")
            Path(partial).chmod(0o644)
            Path(partial).replace(target)
        finally:
            Path(partial).unlink(missing_ok=True)
    except (OSError, HTTPException) as error:
        raise LoadError(
            f"{target.name} is not in {target.parent} and could not be downloaded ({_reason(error)}). "
            "Put the file there, or start with another --whisper-model."
        ) from error


def _copy(url: str, file: BinaryIO) -> str:
    """The SHA-256 of what came."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
        while piece := response.read(PIECE_BYTES):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return str(reason)
