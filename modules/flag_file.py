"""Flags that the program itself puts into CMD_FLAGS.txt: a block of their own; all other lines stay as they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from modules.core.errors import ConfigError
from modules.core.files import write_atomically
from modules.settings_sources import SAVED_FLAGS, build_parser, split_flags

BEGIN = "# Chosen in the web UI, tab Session; this block is written anew there:"
END = "# End of what was chosen there"
Flag = bool | Sequence[str]
"""On or off, or the values of a list."""


def read_flag_file(path: Path) -> str:
    """Empty when there is none. ConfigError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}") from None


def chosen_flags(text: str) -> dict[str, Flag]:
    """What the block says, by the names of the settings."""
    block, _ = _split(text)
    found: dict[str, Flag] = {}
    for flag in block:
        name, *values = flag.split()
        plain = name.removeprefix("--")
        if values:
            found[_to_name(plain)] = tuple(values)
        else:
            found[_to_name(plain.removeprefix("no-"))] = not plain.startswith("no-")
    return found


def with_flags(text: str, flags: Mapping[str, Flag]) -> str:
    """The file with these in the block, which is the last in it: what comes later wins. Without any there is no block."""
    _, rest = _split(text)
    kept = "\n".join(rest).rstrip()
    lines = [_to_line(name, value) for name, value in sorted(flags.items())]
    if not lines:
        return f"{kept}\n" if kept else ""
    return "\n".join([*([kept, ""] if kept else []), BEGIN, *lines, END, ""])


def write_flag_file(path: Path, text: str) -> None:
    """ConfigError when the program could not be started with it, or it cannot be written."""
    build_parser().parse_args(split_flags(text, SAVED_FLAGS))
    try:
        write_atomically(path, text)
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be written: {error.strerror}") from None


def _split(text: str) -> tuple[list[str], list[str]]:
    """Lines of the block, and all others."""
    block: list[str] = []
    rest: list[str] = []
    is_inside = False
    for line in text.splitlines():
        if line.strip() in (BEGIN, END):
            is_inside = line.strip() == BEGIN
        elif is_inside and line.strip():
            block.append(line.strip())
        elif not is_inside:
            rest.append(line)
    return block, rest


def _to_line(name: str, value: Flag) -> str:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag} {' '.join(value)}"


def _to_name(flag: str) -> str:
    return flag.replace("-", "_")
