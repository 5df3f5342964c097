"""Named grammars, one GBNF or Lark file each."""

from pathlib import Path

from modules.core.errors import RequestError
from modules.core.requests import Grammar
from modules.prompts.user_files import (
    delete_file,
    find_file,
    list_names,
    place_for,
    write_user_file,
)

EXTENSIONS = (".gbnf", ".lark")
MAX_BYTES = 200_000


def list_grammars(folder: Path) -> list[str]:
    return list_names(folder, EXTENSIONS)


def load_grammar(folder: Path, name: str) -> Grammar:
    """Read anew each time. RequestError for a wrong name."""
    path = find_file(folder, name, EXTENSIONS, param="grammar")
    if path.stat().st_size > MAX_BYTES:
        raise RequestError(f"The grammar {path.name} is too long.", param="grammar")
    text = path.read_text(encoding="utf-8", errors="replace")
    return Grammar("lark" if path.suffix.lower() == ".lark" else "gbnf", text, "grammar")


def save_grammar(folder: Path, name: str, text: str) -> None:
    """In place of the file of that name, else as GBNF. Whether it is right is for who compiles it. RequestError when it cannot be."""
    place = place_for(folder, name, EXTENSIONS, param="grammar")
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise RequestError(f"A grammar may have {MAX_BYTES:,} bytes.", param="grammar")
    write_user_file(place, text, param="grammar")


def delete_grammar(folder: Path, name: str) -> None:
    delete_file(find_file(folder, name, EXTENSIONS, param="grammar"), param="grammar")
