"""Settings kept for single models: `config-user.yaml` in the models folder, in the form that the old web UI gave it.

    some-model.gguf$:
      ctx_size: 4096
      instruction_template: ChatML

Keys are names of models or patterns, as for templates, which are read from the same file (`modules.prompts.template_sources`).
"""

import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from modules.core.errors import ConfigError
from modules.core.files import write_atomically
from modules.core.name_patterns import in_order, is_name_key, matches_name, to_key
from modules.loaders.catalog import InstalledModel
from modules.loaders.options import LOAD_OPTIONS_BY_NAME
from modules.loaders.registry import check_load_args, own_name

FILE_NAME = "config-user.yaml"
MAX_BYTES = 1_000_000
CODE = "invalid_model_settings"
NOT_OF_LOADS = frozenset({"instruction_template", "instruction_template_str"})
"""What the same file says about templates."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What counts for one model. `load_args`: of any loader, with values as the file has them. `where`: file and keys."""

    where: str
    load_args: Mapping[str, Any] = field(default_factory=dict[str, Any])
    loader: str | None = None
    templates: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def as_dict(self) -> dict[str, Any]:
        loader = {} if self.loader is None else {"loader": self.loader}
        return {**loader, **self.load_args, **self.templates}


class SavedSettings:
    """Reads the file anew each time, so edits count at once. Threads may share this; all of it may block.

    ConfigError, with the name of the file and the key, for what cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._lock = threading.Lock()

    def read(self, name: str) -> Saved:
        """All entries that match the name together; an entry for the name itself wins over patterns, later patterns over earlier."""
        entries = _read_entries(self.path)
        merged: dict[str, Any] = {}
        keys = [key for key in in_order(entries, name) if _matches(key, name)]
        for key in keys:
            merged |= _values(key, entries[key])
        where = f"{self.path.name}: {', '.join(keys)}" if keys else self.path.name
        return _to_saved(where, merged)

    def from_patterns(self, name: str) -> Saved:
        """The same without the entry for the name itself: what would count if nothing had been saved for just this model."""
        entries = _read_entries(self.path)
        keys = [key for key in entries if not is_name_key(key, name) and _matches(key, name)]
        merged: dict[str, Any] = {}
        for key in keys:
            merged |= _values(key, entries[key])
        return _to_saved(self.path.name, merged)

    def own(self, name: str) -> dict[str, Any] | None:
        """The entry for the name itself; None when there is none."""
        entries = _read_entries(self.path)
        keys = [key for key in entries if is_name_key(key, name)]
        if not keys:
            return None
        merged: dict[str, Any] = {}
        for key in keys:
            merged |= _values(key, entries[key])
        return merged

    def save(
        self, model: InstalledModel, args: Mapping[str, Any], *, has_loader: bool = False
    ) -> None:
        """Put checked load args into the entry for this model, under their own names; null takes one out. The rest of the file stays,
        but for its comments.
        """
        checked = check_load_args(model.loader, args)
        values = {name: _plain(value) for name, value in checked.items()}
        if has_loader:
            values = {"loader": model.loader, **values}
        nulls = {own_name(model.loader, name) for name, value in args.items() if value is None}
        self._change(model.name, values, nulls)

    def save_template(self, name: str, *, file: str = "", text: str = "") -> None:
        """The chat template of this model from now on: a file of the folder by its name, or a text; with neither the model's own again.
        What else is saved for it stays.
        """
        chosen = {"instruction_template_str": text} if text else {"instruction_template": file}
        values = chosen if text or file else {}
        self._change(name, values, NOT_OF_LOADS - values.keys())

    def _change(self, name: str, values: Mapping[str, Any], removed: Collection[str]) -> None:
        with self._lock:
            entries = _read_raw(self.path)
            keys = [key for key in entries if is_name_key(str(key), name)]
            key = keys[-1] if keys else to_key(name)
            entry = _values(str(key), entries.get(key))
            entries[key] = {k: v for k, v in {**entry, **values}.items() if k not in removed}
            if not entries[key]:
                del entries[key]
            _write(self.path, entries)

    def forget(self, name: str) -> bool:
        """Take the entry for this name out; says whether there was one."""
        with self._lock:
            entries = _read_raw(self.path)
            left = {key: each for key, each in entries.items() if not is_name_key(str(key), name)}
            if len(left) == len(entries):
                return False
            _write(self.path, left)
            return True


def _to_saved(where: str, merged: Mapping[str, Any]) -> Saved:
    loader = merged.get("loader")
    if loader is not None and not isinstance(loader, str):
        raise ConfigError(f"{where}: loader must be text", code=CODE)
    known = {name for options in LOAD_OPTIONS_BY_NAME.values() for name in options}
    others = {
        name: value for name, value in merged.items() if name not in ("loader", *NOT_OF_LOADS)
    }
    load_args = {name.replace("-", "_"): value for name, value in others.items()}
    unknown = sorted(load_args.keys() - known)
    if unknown:
        raise ConfigError(f"{where}: no loader has {', '.join(unknown)}", code=CODE)
    templates = {name: value for name, value in merged.items() if name in NOT_OF_LOADS}
    return Saved(where, load_args, loader, templates)


def _matches(key: str, name: str) -> bool:
    """A pattern that is none is passed over: the reader of templates warns of it."""
    try:
        return matches_name(key, name)
    except re.error:
        return False


def _values(key: str, entry: Any) -> dict[str, Any]:
    if entry is None:
        return {}
    if not isinstance(entry, dict):
        raise ConfigError(f"{FILE_NAME}: {key} must hold names and values", code=CODE)
    fields = cast("dict[Any, Any]", entry)
    return {str(name): value for name, value in fields.items()}


def _read_entries(path: Path) -> dict[str, Any]:
    return {str(key): entry for key, entry in _read_raw(path).items()}


def _read_raw(path: Path) -> dict[Any, Any]:
    """Keys as YAML has them: one may be a number."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be read: {error.strerror}", code=CODE) from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path.name} is too long", code=CODE)
    try:
        found: Any = yaml.safe_load(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigError(f"{path.name} is not UTF-8 text", code=CODE) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path.name} is not valid YAML: {reason}", code=CODE) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"{path.name} must hold names of models", code=CODE)
    return cast("dict[Any, Any]", found)


def _write(path: Path, entries: Mapping[Any, Any]) -> None:
    text = yaml.safe_dump(dict(entries), sort_keys=False, allow_unicode=True)
    try:
        write_atomically(path, text)
    except OSError as error:
        raise ConfigError(f"{path.name} cannot be written: {error.strerror}", code=CODE) from None


def _plain(value: Any) -> Any:
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value
