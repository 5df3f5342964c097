"""Files that hold chat templates: Jinja as it stands, or YAML with it under a key. Read again when they change."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from modules.core.errors import ModelError
from modules.prompts.old_templates import OLD_KEYS, from_old_keys

EXTENSIONS = (".jinja", ".jinja2", ".yaml", ".yml")
MAX_BYTES = 1_000_000

_State = tuple[int, int]
"""Time of the last change, and bytes."""


class TemplateFiles:
    """Keeps what it has read. ModelError, with the name of the file, for one that cannot be used."""

    def __init__(self) -> None:
        self._texts: dict[Path, tuple[_State, str]] = {}
        self._mappings: dict[Path, tuple[_State, Mapping[Any, Any]]] = {}

    def text(self, path: Path) -> str:
        """The template."""
        state = _state_of(path)
        known = self._texts.get(path)
        if known is not None and known[0] == state:
            return known[1]
        is_yaml = path.suffix.lower() in (".yaml", ".yml")
        text = self._from_yaml(path) if is_yaml else _read(path)
        self._texts[path] = (state, text)
        return text

    def mapping(self, path: Path) -> Mapping[Any, Any]:
        """What a YAML file says; empty when that is no mapping."""
        state = _state_of(path)
        known = self._mappings.get(path)
        if known is not None and known[0] == state:
            return known[1]
        try:
            found = yaml.safe_load(_read(path))
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ModelError(f"{path.name} is not valid YAML: {reason}") from None
        mapping = cast("dict[Any, Any]", found) if isinstance(found, dict) else {}
        self._mappings[path] = (state, mapping)
        return mapping

    def _from_yaml(self, path: Path) -> str:
        fields = self.mapping(path)
        text = fields.get("instruction_template")
        if isinstance(text, str) and text:
            return text
        if not fields.keys().isdisjoint(OLD_KEYS):
            return from_old_keys(fields)
        raise ModelError(f"{path.name} has no instruction_template")


def _state_of(path: Path) -> _State:
    try:
        stat = path.stat()
    except OSError:
        raise ModelError(f"The file {path.name} is not there any more") from None
    return (stat.st_mtime_ns, stat.st_size)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path.name} cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise ModelError(f"{path.name} is too long for a chat template")
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
