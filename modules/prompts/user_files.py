"""Files of user_data by names that come from outside: such a name never leaves its folder."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from modules.core.errors import RequestError
from modules.core.files import write_atomically

NAME_LIMIT = 128
LISTED = 20
_FORBIDDEN = frozenset('/\\:*?"<>|')
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Names that Windows has for devices."""


def find_file(folder: Path, name: str, extensions: Sequence[str], *, param: str = "name") -> Path:
    """The file NAME or NAME.EXTENSION in `folder`, whichever is there; extensions with their dot, the first one wins. A file's own may be in
    capitals.

    RequestError for a name that is no plain file name, and, with the names that there are, when there is no such file.
    """
    _check_name(name, param)
    candidates = [_in_small(name)] if name.lower().endswith(tuple(extensions)) else []
    candidates += [f"{name}{extension}" for extension in extensions]
    home, present = folder.resolve(), _spelled(_names_in(folder))
    for candidate in candidates:
        path = folder / present.get(candidate, candidate)
        if candidate in present and _is_own_file(path, home, extensions):
            return path
    raise RequestError(
        f"There is no {param} {name!r}. There are: {_shown(list_names(folder, extensions))}.",
        param=param,
    )


def list_names(folder: Path, extensions: Sequence[str]) -> list[str]:
    """Names without their extension, each once, sorted."""
    return sorted({path.stem for path in _files(folder, extensions)}, key=str.lower)


def list_files(folder: Path, extensions: Sequence[str]) -> dict[str, Path]:
    """The file of each such name: of several the one with the first extension, as `find_file` has it."""
    by_preference = sorted(
        _files(folder, extensions), key=lambda path: extensions.index(path.suffix.lower())
    )
    return {path.stem: path for path in reversed(by_preference)}


def place_for(folder: Path, name: str, extensions: Sequence[str], *, param: str = "name") -> Path:
    """Where a file of this name is to be written: in place of the one that is there, else with the first extension.

    RequestError for what cannot be the name of a file everywhere.
    """
    _check_name(name, param)
    _check_new_name(name, param)
    present = {path.name: path for path in _files(folder, extensions)}
    names = [f"{name}{extension}" for extension in extensions]
    return next((present[each] for each in names if each in present), folder / names[0])


def write_user_file(path: Path, content: str | bytes, *, param: str) -> None:
    """Whole or not at all; RequestError when it cannot be written."""
    try:
        write_atomically(path, content)
    except (OSError, UnicodeEncodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it has half a character in it"
        raise RequestError(f"{path.name} cannot be saved: {reason}.", param=param) from None


def delete_file(path: Path, *, param: str) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise RequestError(
            f"{path.name} cannot be deleted: {error.strerror}.", param=param
        ) from None


def _check_new_name(name: str, param: str) -> None:
    """What no file system takes, or takes as something else."""
    if name != name.strip() or name.endswith(".") or _DEVICE.fullmatch(name.lower()):
        raise RequestError(f"{name!r} cannot be the name of a file.", param=param)


def _files(folder: Path, extensions: Sequence[str]) -> list[Path]:
    """Plain files of the folder."""
    home = folder.resolve()
    paths = (folder / name for name in _names_in(folder))
    return [path for path in paths if _is_own_file(path, home, extensions)]


def _names_in(folder: Path) -> set[str]:
    """Spelled as they are, which a file system without case does not tell of a single one. Quick, also for many."""
    return set(os.listdir(folder)) if folder.is_dir() else set()  # noqa: PTH208 - no path is made of each


def _spelled(names: set[str]) -> dict[str, str]:
    """Their spelling by names whose extension is in small letters; of two, the one that is spelled so."""
    return {_in_small(name): name for name in sorted(names)}


def _in_small(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return f"{stem}{dot}{extension.lower()}" if dot else name


def _is_own_file(path: Path, home: Path, extensions: Sequence[str]) -> bool:
    """A link counts only when it stays inside of `home`."""
    return (
        path.suffix.lower() in extensions
        and not path.name.startswith(".")
        and path.is_file()
        and path.resolve().is_relative_to(home)
    )


def _check_name(name: str, param: str) -> None:
    is_plain = (
        0 < len(name) <= NAME_LIMIT
        and name.isprintable()
        and not name.startswith(".")
        and not _FORBIDDEN & set(name)
        and ".." not in name
    )
    if not is_plain:
        raise RequestError(f"{param} must be the plain name of a file.", param=param)


def _shown(names: Sequence[str]) -> str:
    if not names:
        return "none"
    return ", ".join(names[:LISTED]) + (", …" if len(names) > LISTED else "")
