"""What characters are called in lists: as they call themselves, not as their files are named."""

from collections import Counter
from pathlib import Path

from modules.core.errors import RequestError
from modules.prompts.characters import character_files, read_character


class CharacterNames:
    """Of the characters of one folder. Each is read once, and again when its file changes. Threads may share this."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[object, str]] = {}

    def shown(self) -> dict[str, str]:
        """By the names of their files, in the order of what is shown. Of several with one name each has its file's name too; of a
        broken file there is no other. Blocking."""
        own = {name: self._own_name(name, path) for name, path in self._files().items()}
        count = Counter(name.casefold() for name in own.values())
        shown = {
            file: name if count[name.casefold()] == 1 or name == file else f"{name} ({file})"
            for file, name in own.items()
        }
        return dict(sorted(shown.items(), key=lambda each: (each[1].casefold(), each[0])))

    def _files(self) -> dict[str, Path]:
        files = character_files(self._folder)
        for gone in self._known.keys() - files.keys():
            self._known.pop(gone, None)
        return files

    def _own_name(self, name: str, path: Path) -> str:
        try:
            stat = path.stat()
            stamp = (path.name, stat.st_mtime_ns, stat.st_size)
            known, own = self._known.get(name, (None, ""))
            if known != stamp:
                own = _read_name(path)
                self._known[name] = (stamp, own)
            return own
        except OSError:
            return name


def _read_name(path: Path) -> str:
    try:
        return " ".join(read_character(path).name.split()) or path.stem
    except RequestError:
        return path.stem
