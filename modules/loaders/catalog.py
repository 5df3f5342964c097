"""The models that are installed: a name for each file below the models folder.

A name that comes from a request is only ever looked up here, never joined to a path.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from modules.core.errors import NotFound
from modules.loaders.adapter_catalog import AdapterCatalog
from modules.loaders.gguf_header import MAGIC
from modules.loaders.gguf_kinds import GgufKinds
from modules.loaders.model_folders import ModelFolders, weights_bytes
from modules.loaders.projectors import is_projector

SEEN_HOLDS_S = 1.0
DEMO_MODEL = "tiny-chat-Q8_0.gguf"
BUNDLED_MODELS = (DEMO_MODEL, "tiny-vision-Q8_0.gguf", "tiny-chat")
"""What comes with the program; the first of them that is there serves where nothing else is installed."""
_PART = re.compile(r"-(\d{5})-of-(\d{5})$")


@dataclass(frozen=True)
class InstalledModel:
    """`path` is the first part where a model comes in several files, or the folder that it is."""

    name: str
    path: Path
    loader: str

    @cached_property
    def parts(self) -> list[Path]:
        match = _PART.search(self.path.stem)
        if match is None:
            return [self.path]
        stem = self.path.stem[: match.start()]
        return sorted(self.path.parent.glob(f"{_escape(stem)}-*-of-{match[2]}.gguf"))

    @property
    def size_bytes(self) -> int:
        if self.path.is_dir():
            return weights_bytes(self.path)
        return sum(part.stat().st_size for part in self.parts if part.exists())

    @property
    def created(self) -> int:
        """Seconds since 1970 of the file's last change."""
        return int(self.path.stat().st_mtime) if self.path.exists() else 0


class RemoteSource(Protocol):
    """Another server whose models stand beside those of this machine. All of it may block, and threads may share it."""

    @property
    def own_id(self) -> str:
        """Names this process to the other server."""
        ...

    def models(self) -> Sequence[InstalledModel]:
        """What it listed some seconds ago; nothing when it does not answer."""
        ...

    def choose(self, name: str | None) -> InstalledModel:
        """The model of this name, or the first, as it lists them now. AppError when there is none."""
        ...

    def close(self) -> None: ...


class Catalog:
    """Looks at the folder anew each time: a model that was copied in is there at once. Embedding models are no text models.

    Only `is_surely_unknown` relies on what was seen a moment ago: most clients send a name such as "gpt-4o" with every request, and
    none of these should cost a look at the disk. Threads may share this. Of two models with the same name
    that of this machine counts, unless `remote_first`.
    """

    def __init__(
        self,
        folder: Path,
        aliases: dict[str, str] | None = None,
        *,
        remote: RemoteSource | None = None,
        remote_first: bool = False,
        adapters: AdapterCatalog | None = None,
    ) -> None:
        self.folder = folder
        self.adapters = adapters or AdapterCatalog(folder.parent / "loras")
        self.aliases = dict(aliases or {})
        self.remote = remote
        self._remote_first = remote_first
        self._seen: tuple[float, frozenset[str]] = (float("-inf"), frozenset())
        self._kinds = GgufKinds()
        self._folders = ModelFolders()

    def models(self) -> list[InstalledModel]:
        models = self.local_models()
        if self.remote is not None:
            others = self.remote.models()
            both = [*others, *models] if self._remote_first else [*models, *others]
            models = list({model.name: model for model in reversed(both)}.values())[::-1]
        self._seen = (time.monotonic(), frozenset(_names(models)))
        return models

    def local_models(self) -> list[InstalledModel]:
        """Those of this machine."""
        if not self.folder.is_dir():
            return []
        found = self.folder.rglob("*.gguf")
        files = sorted(p for p in found if not self._is_hidden(p) and self._is_text_model(p))
        models = [InstalledModel(self._name(path), path, "llamacpp") for path in files]
        folders = self._folders.below(self.folder)
        return models + [InstalledModel(self._name(path), path, "transformers") for path in folders]

    def is_surely_unknown(self, name: str) -> bool:
        """Whether a look at the folder within the last second did not show this name; touches no disk."""
        at, names = self._seen
        is_recent = time.monotonic() - at < SEEN_HOLDS_S
        return is_recent and self.aliases.get(name, name) not in names

    def find(self, name: str) -> InstalledModel | None:
        """By name, by name without `.gguf`, or by alias."""
        name = self.aliases.get(name, name)
        for model in self.models():
            if name in _names([model]):
                return model
        return None

    def get(self, name: str, *, param: str = "model") -> InstalledModel:
        model = self.find(name)
        if model is None:
            raise NotFound(
                f"The model {name!r} is not installed. Installed: "
                f"{', '.join(m.name for m in self.models()) or 'none'}.",
                param=param,
                code="model_not_found",
            )
        return model

    def choose_default(self) -> InstalledModel | None:
        """The only model there is, the bundled ones left out; without any other the first of those."""
        models = self.local_models()
        others = [model for model in models if model.path.name not in BUNDLED_MODELS]
        if others:
            return others[0] if len(others) == 1 else None
        return min(models, key=lambda m: BUNDLED_MODELS.index(m.path.name), default=None)

    def _is_hidden(self, path: Path) -> bool:
        """Below a hidden folder, such as that of downloads which are not whole."""
        return any(part.startswith(".") for part in path.relative_to(self.folder).parts[:-1])

    def _is_text_model(self, path: Path) -> bool:
        return _is_model(path) and not self._kinds.is_embedder(path)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


def _names(models: list[InstalledModel]) -> list[str]:
    """What each model answers to."""
    return [name for m in models for name in (m.name, m.name.removesuffix(".gguf"))]


def model_at(path: Path) -> InstalledModel:
    """A model outside the folder, by its path: for the command line only."""
    return InstalledModel(path.name, path, "transformers" if path.is_dir() else "llamacpp")


def _is_model(path: Path) -> bool:
    part = _PART.search(path.stem)
    if (part is not None and int(part[1]) != 1) or is_projector(path):
        return False
    try:
        with path.open("rb") as file:
            return file.read(4) == MAGIC
    except OSError:
        return False


def _escape(text: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", text)
