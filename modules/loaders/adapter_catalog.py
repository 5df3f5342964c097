"""The LoRA adapters that are installed: GGUF files for llama.cpp, folders as peft saves them for transformers.

A name that comes from a request is only ever looked up here, never joined to a path. The two forms of one adapter may have the same
name: the loader of the model says which is meant.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from modules.core.errors import ConfigError, NotFound, RequestError
from modules.loaders.gguf_header import MAGIC

SEEN_HOLDS_S = 1.0
MAX_SCALE = 100
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


@dataclass(frozen=True, slots=True)
class InstalledAdapter:
    """`name` has no ending: `tiny-pirate` for tiny-pirate.gguf and for the folder tiny-pirate."""

    name: str
    path: Path
    loader: str

    @property
    def weights(self) -> Path:
        return self.path / WEIGHTS if self.loader == "transformers" else self.path

    @property
    def created(self) -> int:
        """Seconds since 1970 of its file's last change."""
        return int(self.weights.stat().st_mtime) if self.weights.exists() else 0

    @property
    def size_bytes(self) -> int:
        return self.weights.stat().st_size if self.weights.exists() else 0


class AdapterCatalog:
    """Looks at the folder anew each time. `given`: adapters elsewhere, by their paths, which only the operator names. Threads may share it."""

    def __init__(self, folder: Path, given: Iterable[str] = ()) -> None:
        self.folder = folder
        self._given: Mapping[str, InstalledAdapter] = {
            text: adapter_at(Path(text).expanduser()) for text in given
        }
        self._seen: tuple[float, frozenset[str]] = (float("-inf"), frozenset())

    def adapters(self) -> list[InstalledAdapter]:
        found = [*self._given.values(), *self._in_folder()]
        unique = {(adapter.name, adapter.loader): adapter for adapter in reversed(found)}
        installed = sorted(unique.values(), key=lambda adapter: (adapter.name, adapter.loader))
        names = {name for adapter in installed for name in (adapter.name, f"{adapter.name}.gguf")}
        self._seen = (time.monotonic(), frozenset((*names, *self._given)))
        return installed

    def has(self, name: str) -> bool:
        """Whether there is one of this name for any loader. Looks at the disk only if it did not within the last second."""
        at, names = self._seen
        if time.monotonic() - at >= SEEN_HOLDS_S:
            self.adapters()
            _, names = self._seen
        return name in names

    def get(self, name: str, loader: str, *, param: str = "lora") -> InstalledAdapter:
        """By name, with `.gguf` or without. NotFound says what there is."""
        given = self._given.get(name)
        if given is not None and given.loader == loader:
            return given
        installed = self.adapters()
        mine = [adapter for adapter in installed if adapter.loader == loader]
        for adapter in mine:
            if name in (adapter.name, f"{adapter.name}.gguf"):
                return adapter
        other = given or any(name in (a.name, f"{a.name}.gguf") for a in installed)
        reason = f"is there, but not for {loader}" if other else "is not installed"
        raise NotFound(
            f"The LoRA adapter {name!r} {reason}. Installed for {loader}: "
            f"{', '.join(adapter.name for adapter in mine) or 'none'}.",
            param=param,
            code="lora_not_found",
        )

    def _in_folder(self) -> list[InstalledAdapter]:
        if not self.folder.is_dir():
            return []
        files = [path for path in self.folder.rglob("*.gguf") if _is_gguf(path)]
        folders = [path.parent for path in self.folder.rglob(CONFIG)]
        return [
            InstalledAdapter(self._name(path), path, _loader(path))
            for path in (*files, *folders)
            if path != self.folder and not self._is_hidden(path)
        ]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix().removesuffix(".gguf")

    def _is_hidden(self, path: Path) -> bool:
        return any(part.startswith(".") for part in path.relative_to(self.folder).parts)


def adapter_at(path: Path) -> InstalledAdapter:
    """An adapter outside the folder, by its path: for the command line only."""
    if not (_is_gguf(path) if path.is_file() else (path / CONFIG).is_file()):
        raise ConfigError(
            f"There is no LoRA adapter at {path}: it must be a GGUF file, or a folder with {CONFIG}."
        )
    return InstalledAdapter(path.name.removesuffix(".gguf"), path, _loader(path))


def split_scale(text: str) -> tuple[str, float]:
    """`NAME=SCALE` or `NAME`; what stands behind the last `=` is part of the name when it is no number. RequestError for a wild one."""
    name, _, number = text.rpartition("=")
    try:
        scale = float(number) if name else 1.0
    except ValueError:
        return text, 1.0
    if not abs(scale) <= MAX_SCALE:  # also what is no number
        raise RequestError(
            f"The scale of {name} must be between -{MAX_SCALE} and {MAX_SCALE}", param="args.lora"
        )
    return name or text, scale


def _loader(path: Path) -> str:
    return "llamacpp" if path.suffix == ".gguf" else "transformers"


def _is_gguf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == MAGIC
    except OSError:
        return False
