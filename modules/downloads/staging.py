"""Where a download waits until it is whole: `.downloads/KEY` in the folder that it will be moved into, so on the same file system.

A file ends in `.part` while it comes in and in `.whole` once its checksum was right. Both are named by what they will contain, so what was
begun for one branch serves another too, and none of them has a name by which a catalog would take it for a model.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from filelock import FileLock, Timeout

from modules.core.errors import Conflict
from modules.core.jobs import Job
from modules.downloads.checksums import is_intact
from modules.downloads.layout import Layout
from modules.downloads.remote import RemoteFile

FOLDER = ".downloads"
_LIST = "files.json"
_TREE = "tree"


@dataclass(frozen=True, slots=True)
class Leftover:
    """A download that did not end: what it wants, and how many bytes of it are here."""

    key: str
    model: str
    folder: Path
    bytes_total: int
    bytes_done: int
    files: tuple[str, ...] = ()
    """Their paths in the repository, so that it can go on with just these."""


class Staging:
    """All methods touch the disk: call them in a thread."""

    def __init__(self, root: Path, key: str) -> None:
        self.root = root
        self.key = key
        self.folder = root / FOLDER / key

    @contextmanager
    def locked(self) -> Generator[None]:
        """Conflict while another process, or this one, works here."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder.with_name(f"{self.key}.lock"), timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise Conflict(
                "This model is being downloaded already.", code="already_running"
            ) from None
        try:
            self.folder.mkdir(exist_ok=True)
            yield
        finally:
            self._tidy(Path(lock.lock_file))
            lock.release()

    def _tidy(self, lock: Path) -> None:
        """Leave nothing behind where nothing is left."""
        is_begun = any(self.folder.glob("*.part")) or any(self.folder.glob("*.whole"))
        if not is_begun and not (self.folder / _TREE).exists():
            shutil.rmtree(self.folder, ignore_errors=True)
        if not self.folder.exists():
            with suppress(OSError):  # Windows keeps a locked file
                lock.unlink()
        with suppress(OSError):
            self.folder.parent.rmdir()

    def begin(self, model: str, layout: Layout) -> None:
        """Note what is wanted, and take back what an interrupted move had put together."""
        for file, name in layout.files.items():
            moved = self.folder / _TREE / name
            if moved.is_file() and not self.whole(file).exists():
                moved.replace(self.whole(file))
        shutil.rmtree(self.folder / _TREE, ignore_errors=True)
        listed = {_stem(file): asdict(file) for file in layout.files}
        begun = {stem: entry for stem, entry in self._listed().items() if self._has(stem)}
        text = json.dumps({"model": model, "files": {**begun, **listed}})
        partial = self.folder / f"{_LIST}.new"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.folder / _LIST)

    def part(self, file: RemoteFile) -> Path:
        return self.folder / f"{_stem(file)}.part"

    def whole(self, file: RemoteFile) -> Path:
        return self.folder / f"{_stem(file)}.whole"

    def bytes_of(self, file: RemoteFile) -> int:
        for path in (self.whole(file), self.part(file)):
            if path.exists():
                return min(path.stat().st_size, file.size)
        return 0

    def start_of(self, file: RemoteFile) -> int:
        """Where to go on; what is too long is thrown away."""
        path = self.part(file)
        path.touch()
        size = path.stat().st_size
        if size > file.size:
            self.drop(file)
            path.touch()
            return 0
        return size

    def drop(self, file: RemoteFile) -> None:
        self.part(file).unlink(missing_ok=True)

    def append(self, file: RemoteFile, data: bytes) -> None:
        with self.part(file).open("ab") as opened:
            opened.write(data)

    def accept(self, file: RemoteFile, job: Job) -> bool:
        """Whether the part is the file; then it counts as whole, else it is gone."""
        path = self.part(file)
        if not is_intact(path, file, job):
            self.drop(file)
            return False
        with path.open("rb") as opened:
            os.fsync(opened.fileno())  # else a power cut could leave an empty file of this name
        path.replace(self.whole(file))
        return True

    def install(self, layout: Layout) -> None:
        """Move all that is whole into place: by one rename where nothing is there yet."""
        waiting = [file for file in layout.in_order() if self.whole(file).exists()]
        if layout.can_move_whole:
            tree = self.folder / _TREE
            for file in waiting:
                self._place(file, tree / layout.files[file])
            layout.folder.parent.mkdir(parents=True, exist_ok=True)
            tree.rename(layout.folder)
        else:
            for file in waiting:
                self._place(file, layout.path_of(file))
        self.forget(layout.files)

    def _place(self, file: RemoteFile, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self.whole(file).replace(target)

    def forget(self, files: Iterable[RemoteFile]) -> None:
        for file in files:
            self.part(file).unlink(missing_ok=True)
            self.whole(file).unlink(missing_ok=True)
        if not any(self._has(stem) for stem in self._listed()):
            shutil.rmtree(self.folder, ignore_errors=True)

    def remove(self) -> None:
        """Everything of this download. Conflict while somebody works at it."""
        with self.locked():
            shutil.rmtree(self.folder, ignore_errors=True)

    def leftover(self) -> Leftover | None:
        try:
            model = json.loads((self.folder / _LIST).read_text(encoding="utf-8"))["model"]
            entries = self._listed()
            total = sum(int(entry["size"]) for entry in entries.values())
            files = tuple(str(entry["path"]) for entry in entries.values())
        except (OSError, ValueError, KeyError, TypeError):
            return Leftover(self.key, self.key, self.folder, 0, 0) if self.folder.is_dir() else None
        done = sum(path.stat().st_size for path in self.folder.glob("*.*") if path.name != _LIST)
        return Leftover(self.key, str(model), self.folder, total, min(done, total), files)

    def _has(self, stem: str) -> bool:
        return any((self.folder / f"{stem}.{kind}").exists() for kind in ("part", "whole"))

    def _listed(self) -> dict[str, dict[str, Any]]:
        try:
            found = json.loads((self.folder / _LIST).read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return cast("dict[str, dict[str, Any]]", found) if isinstance(found, dict) else {}


def _stem(file: RemoteFile) -> str:
    """Two files of one content stay two."""
    return f"{file.digest}-{hashlib.sha256(file.path.encode()).hexdigest()[:8]}"


def find_leftovers(root: Path) -> list[Leftover]:
    """Of downloads that nobody works at now, and of those that somebody does."""
    folder = root / FOLDER
    keys = (
        sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    )
    found = [Staging(root, key).leftover() for key in keys]
    return [leftover for leftover in found if leftover is not None]
