"""A model that does as it is told, to look at what is around it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modules.core.jobs import Job
from modules.loaders.media_base import MediaInfo
from modules.loaders.media_catalog import InstalledMedia

PATIENCE_S = 20.0


@dataclass
class FakeModel:
    name: str
    options: Mapping[str, Any]
    is_closed: bool = False
    threads: set[str] = field(default_factory=set)

    @property
    def info(self) -> MediaInfo:
        return MediaInfo(self.name, "fake", ("fake",), options=self.options)

    def close(self) -> None:
        self._note_thread()
        self.is_closed = True

    def double(self, number: int) -> int:
        self._note_thread()
        assert not self.is_closed
        return 2 * number

    def _note_thread(self) -> None:
        self.threads.add(threading.current_thread().name)


class FakeLoads:
    """`build` for a pool; `held` names wait until they are let go, `broken` ones fail."""

    def __init__(self) -> None:
        self.models: list[FakeModel] = []
        self.broken: dict[str, Exception] = {}
        self.held: dict[str, threading.Event] = {}

    def __call__(self, installed: InstalledMedia, options: Mapping[str, Any]) -> FakeModel:
        if installed.name in self.held:
            assert self.held[installed.name].wait(PATIENCE_S)
        if installed.name in self.broken:
            raise self.broken[installed.name]
        self.models.append(FakeModel(installed.name, options))
        return self.models[-1]

    @property
    def names(self) -> list[str]:
        return [model.name for model in self.models]


class Gate:
    """Work that says when it has begun and waits until it may go on."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_go_on = threading.Event()

    def __call__(self, model: FakeModel, job: Job) -> str:
        self.begun.set()
        assert self.may_go_on.wait(PATIENCE_S)
        job.check()
        return model.name
