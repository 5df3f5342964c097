"""Presets: named sampling values, one YAML file each. Files are read anew for each request, so edits count at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from modules.core.errors import RequestError
from modules.core.sampling import SAMPLERS_BY_NAME, SamplingParams
from modules.prompts.user_files import (
    delete_file,
    find_file,
    list_names,
    place_for,
    write_user_file,
)

EXTENSIONS = (".yaml", ".yml")
MAX_BYTES = 100_000


def list_presets(folder: Path) -> list[str]:
    """Names in alphabetical order; the files are not opened."""
    return list_names(folder, EXTENSIONS)


def load_preset(folder: Path, name: str) -> Mapping[str, Any]:
    """Checked values of the sampler table. RequestError for a wrong name, and for a file with keys or values that are wrong."""
    path = find_file(folder, name, EXTENSIONS, param="preset")
    values = _read(path)
    unknown = [str(key) for key in values if key not in SAMPLERS_BY_NAME]
    if unknown:
        raise RequestError(
            f"The preset {path.name} has unknown keys: {', '.join(unknown[:5])}.", param="preset"
        )
    try:
        SamplingParams().updated(values)
    except RequestError as error:
        raise RequestError(f"The preset {path.name}: {error.message}", param="preset") from None
    return values


def save_preset(folder: Path, name: str, values: Mapping[str, Any]) -> None:
    """Values of the sampler table by their names, checked; a preset of that name is replaced. RequestError says what is wrong."""
    place = place_for(folder, name, EXTENSIONS, param="preset")
    params = SamplingParams().updated(values)
    checked = {SAMPLERS_BY_NAME[key].name: None for key in values if values[key] is not None}
    plain = {key: to_plain(key, getattr(params, key)) for key in checked}
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    write_user_file(place, text, param="preset")


def delete_preset(folder: Path, name: str) -> None:
    delete_file(find_file(folder, name, EXTENSIONS, param="preset"), param="preset")


def to_plain(name: str, value: Any) -> Any:
    """A checked value as YAML and JSON can hold it, and as it can be read again."""
    if name == "logit_bias":
        return {str(token_id): bias for token_id, bias in value}
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value


def _read(path: Path) -> Mapping[str, Any]:
    if path.stat().st_size > MAX_BYTES:
        raise RequestError(f"The preset {path.name} is too long.", param="preset")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8", errors="replace"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: dates that are none
        reason = " ".join(str(error).split())
        raise RequestError(
            f"The preset {path.name} is not valid YAML: {reason}", param="preset"
        ) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise RequestError(f"The preset {path.name} has no keys.", param="preset")
    return cast("dict[str, Any]", found)
