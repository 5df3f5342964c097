"""The installed models of one kind that do not write text: a name for each file or folder in the folders of that kind.

A name that comes from a request is only ever looked up here, never joined to a path.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Any, Literal

from modules.core.errors import NotFound, NotInstalled
from modules.loaders.file_signs import begins_well
from modules.loaders.recent import Recent

Kind = Literal["embedding", "rerank", "transcription", "speech", "image"]

FRESH_S = 0.1
"""So long a name that was not seen is believed not to be there: many requests name models of other providers."""
SETTLING_S = 3.0
"""What changed less long ago may still be being copied."""


@dataclass(frozen=True)
class InstalledMedia:
    """`path` is a file, or a folder with a model's files; None where the library brings or finds the model by its name.

    `source`: what else its loader must know to find it, such as the server that has it.
    """

    name: str
    loader: str
    path: Path | None = None
    source: Any = field(default=None, repr=False, compare=False)

    @property
    def size_bytes(self) -> int | None:
        if self.path is None or not self.path.exists():
            return None
        files = [self.path] if self.path.is_file() else self.path.rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file())

    @property
    def created(self) -> int:
        """Seconds since 1970 of the last change; 0 where there is no file."""
        return int(self.path.stat().st_mtime) if self.path and self.path.exists() else 0

    def seems_whole(self) -> bool:
        """Whether no file of it changed a moment ago, and each begins as its name says."""
        if self.path is None:
            return True
        try:
            files = [self.path] if self.path.is_file() else [self.path, *self.path.rglob("*")]
            return all(_is_settled(file) and begins_well(file) for file in files)
        except OSError:
            return False


def _is_settled(path: Path) -> bool:
    return not 0 <= time() - path.stat().st_mtime < SETTLING_S


Recogniser = Callable[[Path], str | None]
"""The loader of a file or folder, None where it is no model of this kind."""


@dataclass(frozen=True)
class MediaCatalog:
    """Of two models of one name the first folder's counts. What was seen is remembered for about a second, since every request
    asks; for a name that is not there it looks again after a tenth of that, and `models` always looks.

    `wanted`: what the settings name, a name, an alias or a path. `built_in`: models that need no file. `bundled`: names of
    what comes with the program, which serves where nothing else is wanted. `remote`: makes a model of a name that is not
    installed and that the settings ask for, where a library can fetch it. `served`: what another server has, asked with each look.
    `cached`: what a library fetched earlier, which serves before what is bundled. `advice`: for the log, when a bundled model serves
    because there is nothing else.
    """

    kind: Kind
    folders: Sequence[Path]
    recognise: Recogniser
    wanted: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    built_in: Sequence[InstalledMedia] = ()
    bundled: Sequence[str] = ()
    remote: Callable[[str], InstalledMedia | None] = lambda _: None
    served: Callable[[], Sequence[InstalledMedia]] = tuple[InstalledMedia]
    cached: Callable[[], Sequence[InstalledMedia]] = tuple[InstalledMedia]
    advice: str | None = None
    _seen: Recent[list[InstalledMedia]] = field(
        default_factory=Recent[list[InstalledMedia]], init=False, repr=False, compare=False
    )

    def models(self) -> list[InstalledMedia]:
        """All, as they are now."""
        return list(self._seen.keep(self._look()))

    def _recent(self) -> list[InstalledMedia]:
        return self._seen.get() or self.models()

    def _look(self) -> list[InstalledMedia]:
        found = {model.name: model for model in [*self.served(), *self.built_in]}
        for folder in self.folders:
            for path in self._candidates(folder):
                loader = self.recognise(path)
                if loader is not None:
                    name = path.relative_to(folder).as_posix()
                    found.setdefault(name, InstalledMedia(name, loader, path))
        installed = list(found.values())
        is_there = self.wanted is None or _match(installed, self._real_name(self.wanted))
        elsewhere = None if is_there else self._wanted_elsewhere()
        for model in [*([elsewhere] if elsewhere else []), *self.cached()]:
            found.setdefault(model.name, model)
        return list(found.values())

    def _candidates(self, folder: Path) -> list[Path]:
        """Two levels, for names such as `org/model`, and a third for GGUF files; hidden files are none."""
        if not folder.is_dir():
            return []
        levels = ("[!.]*", "[!.]*/[!.]*", "[!.]*/[!.]*/[!.]*.gguf")
        return sorted(path for level in levels for path in folder.glob(level))

    def find(self, name: str) -> InstalledMedia | None:
        """By name, by name without its ending, by alias, or by what the settings call it."""
        real = self._real_name(name)
        seen = self._seen.get()
        found = None if seen is None else _match(seen, real)
        if found is None and self._seen.get(FRESH_S) is None:
            found = _match(self.models(), real)
        if found is None and self.wanted and name == self.wanted:
            return self._wanted_elsewhere()
        return found

    def _real_name(self, name: str) -> str:
        return self.aliases.get(name, name)

    def get(self, name: str, *, param: str = "model") -> InstalledMedia:
        model = self.find(name)
        if model is None:
            names = ", ".join(model.name for model in self.models()) or "none"
            raise NotFound(
                f"The {self.kind} model {name!r} is not installed. Installed: {names}.",
                param=param,
                code="model_not_found",
            )
        return model

    def default(self) -> InstalledMedia:
        """What serves requests that name nothing: what the settings want, else the first of the user's, else what is bundled.

        One of the user's that is damaged, or perhaps still being copied, comes last. NotInstalled says what to do where there is none.
        """
        if self.wanted:
            return self._get_wanted(self.wanted)
        models = self._recent()
        own = [model for model in models if model.name not in self.bundled]
        bundled = [model for name in self.bundled for model in models if model.name == name]
        whole = next((model for model in own if model.seems_whole()), None)
        if own or bundled:
            return whole or [*bundled, *own][0]
        raise NotInstalled(f"No {self.kind} model is installed; put one into {self.folders[0]}.")

    def _get_wanted(self, wanted: str) -> InstalledMedia:
        found = self.find(wanted)
        if found is None:
            names = ", ".join(model.name for model in self.models()) or "none"
            raise NotInstalled(
                f"The {self.kind} model {wanted!r} of the settings is not installed. Installed: {names}."
            )
        return found

    def _wanted_elsewhere(self) -> InstalledMedia | None:
        """What the settings name, where it lies outside of the folders."""
        wanted = self._real_name(self.wanted or "")
        path = Path(wanted).expanduser()
        loader = self.recognise(path) if path.exists() else None
        if loader is not None:
            return InstalledMedia(path.name, loader, path)
        return self.remote(wanted)


def _match(models: Sequence[InstalledMedia], name: str) -> InstalledMedia | None:
    exact = next((model for model in models if model.name == name), None)
    return exact or next((model for model in models if _stem(model) == name), None)


def _stem(model: InstalledMedia) -> str:
    """Without the ending of a file; a folder's name has none."""
    if model.path is None or not model.path.is_file():
        return model.name
    return model.name.removesuffix(model.path.suffix)
