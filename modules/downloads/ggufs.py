"""GGUF files of a repository: one model may come in several parts, and a vision model has a projector beside it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modules.downloads.remote import RemoteFile
from modules.loaders.projectors import is_projector

_PART = re.compile(r"-(\d{5})-of-(\d{5})$")
_PREFERRED = ("f16", "fp16", "bf16", "f32", "fp32")
"""Of several projectors: what computes fast everywhere first."""


@dataclass(frozen=True, slots=True)
class GgufModel:
    """`parts` in their order; one where the model is a single file."""

    parts: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def is_whole(self) -> bool:
        match = _PART.search(_stem(self.parts[0]))
        return match is None or int(match[2]) == len(self.parts)


def gguf_models(files: Iterable[RemoteFile]) -> list[GgufModel]:
    """All models, sorted by name; projectors are none."""
    groups: dict[str, list[RemoteFile]] = {}
    for file in files:
        if is_gguf(file) and not is_mmproj(file):
            groups.setdefault(_PART.sub(r"-of-\2", file.path.removesuffix(".gguf")), []).append(
                file
            )
    return [
        GgufModel(tuple(sorted(groups[name], key=lambda file: file.path)))
        for name in sorted(groups)
    ]


def choose_mmproj(files: Iterable[RemoteFile]) -> RemoteFile | None:
    """The projector to take where nobody says which."""
    return min((file for file in files if is_mmproj(file)), key=_rank, default=None)


def is_gguf(file: RemoteFile) -> bool:
    return file.path.lower().endswith(".gguf")


def is_mmproj(file: RemoteFile) -> bool:
    return is_gguf(file) and is_projector(Path(file.path))


def with_all_parts(chosen: Sequence[RemoteFile], files: Sequence[RemoteFile]) -> list[RemoteFile]:
    """Who names one part of a model wants the model."""
    taken = dict.fromkeys(chosen)
    for model in gguf_models(files):
        if any(part in taken for part in model.parts):
            taken.update(dict.fromkeys(model.parts))
    return list(taken)


def _rank(file: RemoteFile) -> tuple[int, str]:
    words = re.split(r"[-_.]", file.name.lower())
    kind = next((i for i, kind in enumerate(_PREFERRED) if kind in words), len(_PREFERRED))
    return kind, file.path


def _stem(file: RemoteFile) -> str:
    return file.name.rpartition(".")[0]
