"""Folders of files whose chat has never been kept: the first message with a picture, where nobody answered it."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from modules.chats.conversation import check_id
from modules.chats.json_format import FILE_NAME
from modules.core.errors import RequestError

KEPT_S = 24 * 3600
"""How long they stay: far longer than a message waits for the reply with which its chat is kept."""

_ENDING = ".files"
_PART = re.compile(r"\..*\.part")
"""Of a write that was broken off."""


def remove_orphans(folder: Path) -> None:
    """Of the chats in this folder. What does not look as if it had been made here is left alone, and so is what cannot be removed. Blocking."""
    for path in folder.glob(f"*{_ENDING}"):
        try:
            if _is_orphan(path):
                _remove(path)
        except OSError:  # the next time tries again
            continue


def _is_orphan(path: Path) -> bool:
    try:
        chat_id = check_id(path.name.removesuffix(_ENDING))
    except RequestError:
        return False
    is_ours = path.is_dir() and not path.is_symlink() and all(map(_is_of_a_chat, path.iterdir()))
    if not is_ours or path.with_name(f"{chat_id}.json").exists():
        return False
    return max(_times(path)) < time.time() - KEPT_S


def _is_of_a_chat(path: Path) -> bool:
    is_named = FILE_NAME.fullmatch(path.name) or _PART.fullmatch(path.name)
    return bool(is_named) and path.is_file() and not path.is_symlink()


def _times(folder: Path) -> Iterator[float]:
    """When they were written, or came to this place: copies keep the time of the writing."""
    for path in (folder, *folder.iterdir()):
        stat = path.stat()
        yield from (stat.st_mtime, stat.st_ctime)


def _remove(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
