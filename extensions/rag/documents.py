"""A document in passages with their vectors, and the files in which these are kept."""

import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modules.core.files import write_atomically


@dataclass(frozen=True)
class Document:
    """`key` says from what it was made. `vectors`: a row of length 1 for each passage. `problem`: why it has none; `notice`: what
    of it is missing."""

    name: str
    key: str
    passages: tuple[str, ...] = ()
    vectors: Any = field(default=None, repr=False)
    problem: str = ""
    notice: str = ""


class KeptVectors:
    """A folder of them. All can be made again, so one that is broken is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, made: Document) -> None:
        import numpy as np

        about = json.dumps([made.key, made.passages, made.notice]).encode()
        data = io.BytesIO()
        np.savez(data, about=np.frombuffer(about, dtype=np.uint8), vectors=made.vectors)
        write_atomically(self._file_of(made.name), data.getvalue())

    def load(self, name: str, key: str) -> Document | None:
        """None where it was not kept, or made from something else."""
        import numpy as np

        try:
            with (
                self._file_of(name).open("rb") as file,  # np.load leaves a broken one open
                np.load(file, allow_pickle=False) as kept,
            ):
                found, passages, notice = json.loads(kept["about"].tobytes())
                vectors = kept["vectors"]
        except Exception:  # noqa: BLE001 - zip, numpy and JSON each have their own for a broken file
            return None
        if found != key or vectors.ndim != 2 or len(passages) != len(vectors):
            return None
        return Document(name, key, tuple(passages), vectors, notice=notice)

    def sweep(self, names: Iterable[str]) -> None:
        """Deletes those of all other documents."""
        wanted = {self._file_of(name) for name in names}
        for path in self._folder.glob("*.npz"):
            if path not in wanted:
                path.unlink(missing_ok=True)

    def _file_of(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.npz"
