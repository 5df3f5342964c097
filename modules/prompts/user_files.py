"""Files of user_data by names that come from outside: such a name never leaves its folder."""

from collections.abc import Sequence
from pathlib import Path

from modules.core.errors import RequestError

NAME_LIMIT = 128
LISTED = 20
_FORBIDDEN = frozenset('/\\:*?"<>|')


def find_file(folder: Path, name: str, extensions: Sequence[str], *, param: str = "name") -> Path:
    """The file NAME or NAME.EXTENSION in `folder`, whichever is there; extensions with their dot, the first one wins.

    RequestError for a name that is no plain file name, and, with the names that there are, when there is no such file.
    """
    _check_name(name, param)
    candidates = [name] if name.lower().endswith(tuple(extensions)) else []
    candidates += [f"{name}{extension}" for extension in extensions]
    present = {path.name: path for path in _files(folder, extensions)}
    for candidate in candidates:
        path = present.get(candidate)
        if path is not None:
            return path
    raise RequestError(
        f"There is no {param} {name!r}. There are: {_shown(list_names(folder, extensions))}.",
        param=param,
    )


def list_names(folder: Path, extensions: Sequence[str]) -> list[str]:
    """Names without their extension, each once, sorted."""
    return sorted({path.stem for path in _files(folder, extensions)}, key=str.lower)


def _files(folder: Path, extensions: Sequence[str]) -> list[Path]:
    """Plain files of the folder; a link counts only when it stays inside."""
    if not folder.is_dir():
        return []
    home = folder.resolve()
    return [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in extensions
        and not path.name.startswith(".")
        and path.is_file()
        and path.resolve().is_relative_to(home)
    ]


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
