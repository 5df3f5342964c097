"""Projectors: the GGUF files beside vision models that turn pictures into embeddings."""

import re
from collections.abc import Iterable
from pathlib import Path

from modules.core.errors import RequestError

OFF = ("none", "off")
_MARK = re.compile(r"(^|[-_.])mmproj(?=[-_.]|$)", re.IGNORECASE)
_NUMBERS = re.compile(r"[-_.](bf16|fp?16|fp?32|i?q\d\w*|ud|xl|model)$", re.IGNORECASE)
_PART = re.compile(r"-\d{5}-of-\d{5}$")
_PREFERRED = ("f16", "fp16", "bf16", "f32", "fp32")
"""Of several projectors of one model: what computes fast everywhere first."""
_FOLDERS_UP = 3
"""A model may lie this deep below the folder that has `mmproj/` beside `models/`."""


def is_projector(path: Path) -> bool:
    """By its name alone: `mmproj` between dashes, underscores or dots."""
    return _MARK.search(path.stem) is not None


def choose_projector(model: Path, wanted: str) -> Path | None:
    """`wanted`: a path or a file's name; "none" or "off": no projector; "": the one that lies beside the model, if one does.

    RequestError when the wanted one is not there.
    """
    if wanted.lower() in OFF:
        return None
    if not wanted:
        return _beside(model)
    for candidate in _candidates(model, wanted):
        if candidate.is_file():
            return candidate
    raise RequestError(f"There is no projector {wanted!r}", param="args.mmproj")


def _candidates(model: Path, wanted: str) -> Iterable[Path]:
    yield Path(wanted)
    for folder in list(model.absolute().parents)[:_FOLDERS_UP]:
        yield folder / wanted
        yield folder / "mmproj" / wanted


def _beside(model: Path) -> Path | None:
    """Of those whose name begins like the model's the longest; one without a name of its own if it can only be this model's."""
    files = sorted(path for path in model.parent.glob("*.gguf") if path != model)
    projectors = [path for path in files if is_projector(path)]
    named = [path for path in projectors if _begins(model, _owner(path))]
    if named:
        longest = max(len(_owner(path)) for path in named)
        return _best(path for path in named if len(_owner(path)) == longest)
    others = [path for path in files if not is_projector(path) and not _PART.search(path.stem)]
    nameless = [path for path in projectors if not _owner(path)]
    return _best(nameless) if not others else None


def _owner(projector: Path) -> str:
    """The name of the model that a projector was made for; empty where its own name does not say."""
    name = _MARK.sub("", projector.stem).strip("-_.")
    while match := _NUMBERS.search("-" + name):
        name = name[: max(0, match.start() - 1)]
    return name.lower()


def _begins(model: Path, owner: str) -> bool:
    """Whether the model's name is that of the owner, or goes on after it with another word."""
    name = model.stem.lower()
    return bool(owner) and name.startswith(owner) and name[len(owner) : len(owner) + 1] in "-_."


def _best(projectors: Iterable[Path]) -> Path | None:
    def rank(path: Path) -> int:
        words = re.split(r"[-_.]", path.stem.lower())
        return next((i for i, kind in enumerate(_PREFERRED) if kind in words), len(_PREFERRED))

    return min(projectors, key=rank, default=None)
