"""Characters: who the model plays. One file each in the folder of the characters, read anew for every request.

YAML and JSON with the keys of older programs for characters, and PNG cards (`character_cards.py`). A card has the same
keys as a JSON file; from its second version on they stand under `data`.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from modules.core.errors import RequestError
from modules.prompts.character_cards import TEXT_LIMIT, BrokenFile, read_card
from modules.prompts.names import can_encode, name_problem
from modules.prompts.user_files import find_file, list_files, list_names

EXTENSIONS = (".yaml", ".yml", ".json", ".png")
"""The order in which a name without an extension is looked for."""

_NAME = ("nickname", "name", "bot", "char_name")
_USER_NAME = ("your_name", "user")
_GREETING = ("greeting", "first_mes", "char_greeting")
_CONTEXT = ("context", "description", "char_persona")
_SCENARIO = ("scenario", "world_scenario")
_EXAMPLES = ("mes_example", "example_dialogue")
_TEXTS = ("system_prompt", "personality")
_KNOWN = (*_NAME, *_USER_NAME, *_GREETING, *_CONTEXT, *_SCENARIO, *_EXAMPLES, *_TEXTS)

_EXAMPLE_START = re.compile(r"<start>", re.IGNORECASE)
_ORIGINAL = re.compile(r"\{\{original\}\}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Character:
    """As written: `{{user}}` and `{{char}}` are still in `context` and `greeting`. `user_name` is empty when the file
    leaves it to the user."""

    name: str
    user_name: str = ""
    greeting: str = ""
    context: str = ""


def list_characters(folder: Path) -> list[str]:
    """Names in alphabetical order; the files are not opened, so a broken one is listed too."""
    return list_names(folder, EXTENSIONS)


def character_files(folder: Path) -> dict[str, Path]:
    """The file that counts for each of these names."""
    return list_files(folder, EXTENSIONS)


def load_character(folder: Path, name: str) -> Character:
    """RequestError when there is none of that name, or when its file is broken: the message says what is wrong."""
    return read_character(find_file(folder, name, EXTENSIONS, param="character"))


def read_character(path: Path) -> Character:
    """RequestError when the file is gone or broken."""
    try:
        return _to_character(_read(path), path.stem)
    except BrokenFile as error:
        reason = str(error)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
    raise RequestError(
        f"The character file {path.name} cannot be used: {reason}.", param="character"
    )


def _read(path: Path) -> dict[str, Any]:
    """The keys of a file, with those of a newer card's `data` in place of its own."""
    content = _READERS[path.suffix.lower()](path)
    if not isinstance(content, dict):
        raise BrokenFile("it must hold keys with values, such as `name` and `context`")
    fields = cast(dict[str, Any], content)
    inner = fields.get("data")
    return cast(dict[str, Any], inner) if isinstance(inner, dict) else fields


def _to_character(fields: Mapping[str, Any], file_name: str) -> Character:
    if not any(key in fields for key in _KNOWN):
        raise BrokenFile("it has none of the keys of a character, such as `name` or `context`")
    return Character(
        name=_checked(_first(fields, _NAME) or file_name),
        user_name=_checked(_first(fields, _USER_NAME)),
        greeting=_first(fields, _GREETING),
        context=_context(fields),
    )


def _checked(name: str) -> str:
    problem = name_problem(name)
    if problem:
        raise BrokenFile(problem)
    return name


def _context(fields: Mapping[str, Any]) -> str:
    """All that describes the character, in blocks with an empty line between."""
    personality, scenario = _text(fields, "personality"), _first(fields, _SCENARIO)
    blocks = [
        _ORIGINAL.sub("", _text(fields, "system_prompt")).strip(),
        _first(fields, _CONTEXT),
        f"Personality: {personality}" if personality else "",
        f"Scenario: {scenario}" if scenario else "",
        *_examples(_first(fields, _EXAMPLES)),
    ]
    return "\n\n".join(block for block in blocks if block)


def _examples(text: str) -> list[str]:
    """Cards put `<START>` in front of each example of a conversation."""
    examples = [example.strip() for example in _EXAMPLE_START.split(text)]
    return [f"Example of a conversation:\n{example}" for example in examples if example]


def _first(fields: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((text for key in keys if (text := _text(fields, key))), "")


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BrokenFile(f"`{key}` must be text")
    if not can_encode(value):
        raise BrokenFile(f"`{key}` has half a character in it (a lone surrogate)")
    return value.strip()


def _read_png(path: Path) -> Any:
    return _from_json(read_card(path))


def _read_json(path: Path) -> Any:
    return _from_json(_bytes(path))


def _read_yaml(path: Path) -> Any:
    text = _decoded(_bytes(path))
    try:
        return yaml.load(text, Loader=_TextLoader)
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BrokenFile(f"it is not valid YAML{where}: {error.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise BrokenFile("it is not valid YAML") from None


def _from_json(data: bytes) -> Any:
    try:
        return json.loads(_decoded(data))
    except json.JSONDecodeError as error:
        raise BrokenFile(f"it is not valid JSON in line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise BrokenFile("it is not valid JSON") from None


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(TEXT_LIMIT + 1)
    if len(data) > TEXT_LIMIT:
        raise BrokenFile(f"it is larger than {TEXT_LIMIT // 2**20} MiB")
    return data


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BrokenFile("it is not UTF-8 text") from None


class _TextLoader(yaml.BaseLoader):
    """Every value is a text or nothing: a character named `No` or `1984` keeps its name, and nothing is computed."""


def _no_value(loader: yaml.BaseLoader, node: yaml.Node) -> None:
    return None


cast(Any, _TextLoader).add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
_TextLoader.add_constructor("tag:yaml.org,2002:null", _no_value)

_READERS: Mapping[str, Callable[[Path], Any]] = {
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
    ".json": _read_json,
    ".png": _read_png,
}
