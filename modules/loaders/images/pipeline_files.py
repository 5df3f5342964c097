"""The files of a diffusers pipeline, looked at before the library sees them: nothing in them may be run as code."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from modules.core.errors import LoadError

INDEX = "model_index.json"
MAX_INDEX_BYTES = 2**20
CONFIG_ENDING = ".config"


def read_index(folder: Path) -> Mapping[str, Any]:
    """`model_index.json`; LoadError when it is damaged, or when the model brings code of its own."""
    try:
        file = folder / INDEX
        if file.stat().st_size > MAX_INDEX_BYTES:
            raise LoadError(f"{folder.name}: {INDEX} is too large.")
        found: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise LoadError(f"{folder.name}: {INDEX} cannot be read.") from error
    if not isinstance(found, dict):
        raise LoadError(f"{folder.name}: {INDEX} is no JSON object.")
    index = cast("dict[str, Any]", found)
    _refuse_code(folder, index)
    return index


def class_name(index: Mapping[str, Any]) -> str:
    return str(index.get("_class_name", ""))


def components(index: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """By name: the library and the class of each part."""
    parts: dict[str, tuple[str, str]] = {}
    for name, value in index.items():
        if isinstance(value, list) and not name.startswith("_"):
            pair = cast("list[object]", value)
            if len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], str):
                parts[name] = (pair[0], pair[1])
    return parts


def check_parts(folder: Path, index: Mapping[str, Any]) -> None:
    """LoadError names a part that is not there: some libraries would make an empty one instead."""
    for name in components(index):
        if not any((folder / name).glob("*.json")):
            raise LoadError(f"{folder.name} is incomplete: its part {name!r} is missing.")


def config_folder(checkpoint: Path) -> Path:
    """Where the configuration of a single file's pipeline is looked for: `NAME.config/` beside it."""
    return checkpoint.with_suffix(CONFIG_ENDING)


def _refuse_code(folder: Path, index: Mapping[str, Any]) -> None:
    """diffusers asks for trust_remote_code before it runs such files; here they are not even looked at."""
    if not isinstance(index.get("_class_name"), str):
        raise LoadError(
            f"{folder.name}: {INDEX} names no pipeline of diffusers; code that comes with a model is not run."
        )
    for name, (library, _) in components(index).items():
        if (folder / name / f"{library}.py").exists() or "." in library or "/" in library:
            raise LoadError(
                f"{folder.name}: its part {name!r} is code that comes with the model, which is not run."
            )
