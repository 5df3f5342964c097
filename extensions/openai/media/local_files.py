"""Pictures from this machine's disk, where the operator allows it."""

import os
import stat
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from extensions.openai.media.errors import invalid_url
from modules.pictures.errors import invalid_image

# A pipe or a device would be waited for without end.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def is_local_file(text: str) -> bool:
    """A file: URL or an absolute path; shares of other machines (//host/…, \\\\host\\…) are neither."""
    if text[:5].lower() == "file:":
        return True
    return Path(text[:4096]).is_absolute() and not text.startswith(("//", "\\\\"))


def read_local_file(text: str, max_bytes: int) -> bytes:
    """At most one byte more than `max_bytes`. Blocking. One message for all that can be wrong with the file."""
    path = _to_path(text)
    try:
        # Neither name nor reason goes into the message: only whoever may read the disk should learn what is on it.
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError
            return file.read(max_bytes + 1)
    except (OSError, ValueError):  # ValueError: NUL in the name
        raise invalid_image("there is no such file, or it may not be read") from None


def _to_path(text: str) -> str:
    if text[:5].lower() != "file:":
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        raise invalid_url("it is malformed") from None
    if parts.netloc not in ("", "localhost"):
        raise invalid_url("a file: URL names a file of this machine")
    return url2pathname(parts.path)
