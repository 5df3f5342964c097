"""What suits an image model: from a file that comes with it, else from its pipeline and its name."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import yaml

from modules.core.errors import LoadError
from modules.core.images import ImageTraits

FILE_NAME = "hearth.yaml"
MAX_FILE_BYTES = 2**16
MAX_STEPS = 150
MAX_GUIDANCE = 30.0
MAX_SIDE = 16_384

DISTILLED: Mapping[str, tuple[int, float]] = {
    "z-image-turbo": (9, 0.0),
    "schnell": (4, 0.0),
    "turbo": (4, 0.0),
    "lightning": (8, 0.0),
    "hyper-sd": (8, 0.0),
    "lcm": (6, 1.0),
}
"""Steps and guidance of models that were taught to draw in few steps, by what their names have in them."""


def defaults_file(path: Path) -> Path:
    """`hearth.yaml` in a model's folder; beside a single file `NAME.yaml`."""
    return path / FILE_NAME if path.is_dir() else path.with_suffix(".yaml")


def guess(traits: ImageTraits, name: str) -> ImageTraits:
    """The pipeline's own values, unless the name tells of a distilled model."""
    found = next((values for part, values in DISTILLED.items() if part in name.lower()), None)
    return traits if found is None else replace(traits, steps=found[0], guidance=found[1])


def with_file(traits: ImageTraits, file: Path) -> ImageTraits:
    """The traits with what the file says; LoadError when it says something that cannot be."""
    if not file.is_file():
        return traits
    said = _read(file)
    unknown = said.keys() - {"steps", "cfg_scale", "size", "max_side"}
    if unknown:
        raise LoadError(
            f"{file.name}: unknown key {sorted(map(str, unknown))[0]!r}; there are steps, cfg_scale, size and max_side."
        )
    width, height = _size(file, said, traits)
    return replace(
        traits,
        width=width,
        height=height,
        steps=int(_number(file, said, "steps", traits.steps, 1, MAX_STEPS)),
        guidance=float(_number(file, said, "cfg_scale", traits.guidance, 0, MAX_GUIDANCE)),
        max_side=_max_side(file, said, traits),
    )


def _read(file: Path) -> dict[Any, Any]:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise LoadError(f"{file.name} is too large for a file of defaults.")
        found: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise LoadError(f"{file.name} cannot be read as YAML.") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise LoadError(f"{file.name} must have keys and values.")
    return cast("dict[Any, Any]", found)


def _number(
    file: Path, said: Mapping[Any, Any], key: str, default: float, least: float, most: float
) -> float:
    value = said.get(key, default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        raise LoadError(f"{file.name}: {key} must be a number from {least} to {most:g}.")
    return value


def _size(file: Path, said: Mapping[Any, Any], traits: ImageTraits) -> tuple[int, int]:
    if "size" not in said:
        return traits.width, traits.height
    sides = str(said["size"]).lower().split("x")
    if len(sides) != 2 or not all(side.isascii() and side.isdigit() for side in sides):
        raise LoadError(f"{file.name}: size must be like 512x512.")
    width, height = int(sides[0]), int(sides[1])
    for side in (width, height):
        if not traits.multiple <= side <= MAX_SIDE or side % traits.multiple:
            raise LoadError(
                f"{file.name}: sides of size must be multiples of {traits.multiple}, up to {MAX_SIDE}."
            )
    return width, height


def _max_side(file: Path, said: Mapping[Any, Any], traits: ImageTraits) -> int | None:
    if said.get("max_side") is None:
        return traits.max_side
    side = int(_number(file, said, "max_side", 0, traits.multiple, MAX_SIDE))
    return side - side % traits.multiple
