"""Characters that people edit, import and delete. All of it may block: for a worker thread."""

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import yaml

from modules.core.errors import RequestError
from modules.prompts.character_cards import PNG_LIMIT, TEXT_LIMIT
from modules.prompts.characters import EXTENSIONS, Character, list_characters, load_character
from modules.prompts.names import can_encode, name_problem
from modules.prompts.user_files import (
    NAME_LIMIT,
    delete_file,
    find_file,
    list_names,
    place_for,
    write_user_file,
)

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_YAML = (".yaml", ".yml")
_TRIAL = "trial"
_ODD_BREAKS = frozenset("\r\x85\u2028\u2029")
_HEAD = "# A character of Hearth; docs/characters.md explains the keys.\n"
_NOT_IN_NAMES = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]+|\.{2,}')


def save_character(folder: Path, name: str, character: Character) -> None:
    """As NAME.yaml, in place of the one that is there. A card or a JSON file of that name stays, and no longer counts beside it, but for
    the picture. RequestError when it cannot be."""
    for text in (character.name, character.user_name):
        problem = name_problem(text)
        if problem:
            raise RequestError(f"{problem[0].upper()}{problem[1:]}.", param="character")
    if not character.name.strip():
        raise RequestError("A character needs a name.", param="character")
    fields = {
        "name": character.name,
        "your_name": character.user_name,
        "context": character.context,
        "greeting": character.greeting,
    }
    if not all(can_encode(text) for text in fields.values()):
        raise RequestError("A text of the character has half a character in it.", param="character")
    text = _HEAD + _to_yaml({key: value for key, value in fields.items() if value})
    if len(text.encode()) > TEXT_LIMIT:
        raise RequestError(
            f"A character may have {TEXT_LIMIT // 2**20} MiB of text.", param="character"
        )
    write_user_file(place_for(folder, name, _YAML, param="character"), text, param="character")


def delete_character(folder: Path, name: str) -> None:
    """All files of that name, its picture too. RequestError when there is none."""
    find_file(folder, name, EXTENSIONS, param="character")
    for path in list(folder.iterdir()):
        if path.stem == name and path.suffix.lower() in (*EXTENSIONS, *PICTURES) and path.is_file():
            delete_file(path, param="character")


def import_character(folder: Path, upload: Path, file_name: str) -> str:
    """A PNG card, a JSON or a YAML file, under the name of the character; the name that it has got here.

    RequestError says what is wrong with it; nothing is kept of it then.
    """
    extension = Path(file_name).suffix.lower()
    if extension not in EXTENSIONS:
        raise RequestError(
            f"A character comes as a file of these kinds: {', '.join(EXTENSIONS)}.", param="file"
        )
    if upload.stat().st_size > PNG_LIMIT:
        raise RequestError(f"The file is larger than {PNG_LIMIT // 2**20} MiB.", param="file")
    found = _read_apart(upload, extension)
    name = free_name(folder, Path(file_name).stem if found.name == _TRIAL else found.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_user_file(folder / f"{name}{extension}", upload.read_bytes(), param="file")
    except OSError as error:
        raise RequestError(f"The file cannot be read: {error.strerror}.", param="file") from None
    return name


def picture_of(folder: Path, name: str) -> Path | None:
    """Its picture: a card, or a picture file of the same name."""
    try:
        return find_file(folder, name, PICTURES, param="character")
    except RequestError:
        return None


def save_picture(folder: Path, name: str, png: bytes) -> None:
    """Beside the character's file, which must be there as YAML or JSON: in a card the picture is the character."""
    place_for(folder, name, PICTURES, param="character")
    if not (set(list_names(folder, (*_YAML, ".json"))) & {name}):
        raise RequestError("Save the character before its picture.", param="character")
    write_user_file(folder / f"{name}.png", png, param="character")
    for extension in PICTURES[1:]:
        delete_file(folder / f"{name}{extension}", param="character")


def free_name(folder: Path, wanted: str) -> str:
    """A name for a new file: the wanted one without what no file name has, and with a number where it is taken."""
    plain = (
        " ".join(_NOT_IN_NAMES.sub(" ", wanted).split())[: NAME_LIMIT - 5].strip(" .")
        or "Character"
    )
    taken = {each.lower() for each in (*list_characters(folder), *list_names(folder, PICTURES))}
    if plain.lower() not in taken:
        return plain
    return next(
        name for i in range(2, len(taken) + 3) if (name := f"{plain} {i}").lower() not in taken
    )


def _read_apart(upload: Path, extension: str) -> Character:
    """As it will be read; one without a name has that of the trial."""
    try:
        with TemporaryDirectory() as folder:
            shutil.copyfile(upload, Path(folder) / f"{_TRIAL}{extension}")
            return load_character(Path(folder), _TRIAL)
    except OSError as error:
        raise RequestError(f"The file cannot be read: {error.strerror}.", param="file") from None
    except RequestError as error:
        message = error.message.replace(f"The character file {_TRIAL}{extension}", "The file")
        raise RequestError(message, param="file") from None


class _Dumper(yaml.SafeDumper):
    """Longer texts as blocks of lines, as people would write them."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text or len(text) > 80 else None
    if _ODD_BREAKS & set(text):  # which a block would take for line breaks
        style = '"'
    return cast("Any", dumper).represent_scalar("tag:yaml.org,2002:str", text, style)


cast("Any", _Dumper).add_representer(str, _text)


def _to_yaml(fields: dict[str, str]) -> str:
    return yaml.dump(fields, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
