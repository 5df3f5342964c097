"""The pictures of characters, small, for whoever shows them. Imported late: it needs Pillow."""

from collections.abc import Callable
from pathlib import Path

from modules.core.errors import AppError
from modules.pictures.sizes import Size
from modules.pictures.thumbnails import to_thumbnail
from modules.prompts.character_files import PICTURES


class CharacterPictures:
    """Of the characters of one folder, all of one size. Each is made small once, and again when its file changes.

    `show`: a small picture (WebP) to the address under which a page finds it. Threads may share this.
    """

    def __init__(self, folder: Path, size: Size, show: Callable[[bytes], str]) -> None:
        self._folder = folder
        self._size = size
        self._show = show
        self._known: dict[str, tuple[object, str]] = {}

    def address(self, name: str) -> str:
        """Empty where the character has no picture, or one that cannot be read. Blocking."""
        path = self._file_of(name)
        if path is None:
            return ""
        try:
            stat = path.stat()
            stamp = (path.name, stat.st_mtime_ns, stat.st_size)
            known, address = self._known.get(name, (None, ""))
            if known != stamp:
                address = self._show(to_thumbnail(path.read_bytes(), self._size))
                self._known[name] = (stamp, address)
            return address
        except (AppError, OSError, ValueError):
            return ""

    def _file_of(self, name: str) -> Path | None:
        """Without a look at the whole folder, which would be one for each of its characters."""
        if not name or "/" in name or "\\" in name or ".." in name:
            return None
        found = (self._folder / f"{name}{ending}" for ending in PICTURES)
        return next((path for path in found if path.is_file()), None)
