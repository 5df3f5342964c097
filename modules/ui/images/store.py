"""Pictures that the web UI drew, kept in a folder of the user."""

import re
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image as Pillow

from modules.core.errors import NotFound, RequestError
from modules.core.files import write_atomically
from modules.pictures.encoding import read_settings

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_. -]{0,120}\.png")
THUMBNAIL_SIDE = 320
MAX_FILE_BYTES = 256 * 2**20


class ImageOutputs:
    """PNG files with their settings inside; others of the user's may lie there too, and show as well. Everything here is blocking."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, data: bytes, seed: int) -> str:
        """Its name, which tells when it was made."""
        name = f"{datetime.now():%Y-%m-%d_%H%M%S_%f}_{seed}.png"
        write_atomically(self.folder / name, data)
        return name

    def names(self) -> list[str]:
        """Newest first."""
        if not self.folder.is_dir():
            return []
        found = [
            (path.stat().st_mtime_ns, path.name)
            for path in self.folder.iterdir()
            if _NAME.fullmatch(path.name) and path.is_file()
        ]
        return [name for _, name in sorted(found, reverse=True)]

    def read(self, name: str) -> bytes:
        """NotFound where it was deleted meanwhile."""
        path = self._path(name)
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise RequestError("The file of this picture is too large to show.")
            return path.read_bytes()
        except OSError:
            raise _gone() from None

    def settings(self, name: str) -> dict[str, Any] | None:
        """Of them the head of the file is read. NotFound as above."""
        try:
            with self._path(name).open("rb") as file:
                return read_settings(file)
        except OSError:
            raise _gone() from None

    def stamp(self, name: str) -> tuple[int, int]:
        """Another when the file has changed. NotFound as above."""
        try:
            state = self._path(name).stat()
        except OSError:
            raise _gone() from None
        return state.st_mtime_ns, state.st_size

    def thumbnail(self, name: str) -> bytes:
        """A JPEG; all of the picture is decoded for it. RequestError for a file that is no picture."""
        small = BytesIO()
        try:
            with Pillow.open(BytesIO(self.read(name)), formats=["PNG"]) as picture:
                picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
                picture.convert("RGB").save(small, "JPEG", quality=85)
        except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError):
            raise RequestError(f"{name} cannot be read as a picture.") from None
        return small.getvalue()

    def delete(self, name: str) -> None:
        """Nothing where it is gone already."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise NotFound("There is no such picture.")
        path = self.folder / name
        if path.is_symlink():
            raise NotFound("There is no such picture.")
        return path


def _gone() -> NotFound:
    return NotFound("This picture is not there any more.")
