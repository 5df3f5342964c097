"""The LoRA adapters of one loaded model: load, count and unload them beside its traffic."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Protocol, Self

from modules.core.errors import LoadError, NotFound, RequestError, Unsupported
from modules.core.requests import Adapters, GenerationRequest, to_adapters
from modules.engine.failures import Failure
from modules.loaders.adapter_catalog import AdapterCatalog, InstalledAdapter, split_scale

log = logging.getLogger("hearth.models")


class AdapterRunner(Protocol):
    """The part of a `TextRunner` that this needs."""

    @property
    def adapters(self) -> tuple[str, ...]: ...

    def read_adapter(self, path: Path) -> Any: ...

    def add_adapter(self, name: str, read: Any) -> None: ...

    def drop_adapter(self, name: str) -> None: ...


BetweenSteps = Callable[[Callable[[], None]], Future[None]]
"""Runs something in the runner's thread while no step is computed."""


class AdapterShelf:
    """`defaults` count for requests that do not say which they want. Belongs to the event loop."""

    def __init__(self, runner: AdapterRunner, call: BetweenSteps) -> None:
        self._runner = runner
        self._call = call
        self._names = dict.fromkeys(runner.adapters)
        self._defaults: Adapters = ()
        self._uses: Counter[str] = Counter()
        self._unused: dict[str, asyncio.Event] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._failed: dict[str, Failure] = {}

    @classmethod
    def empty(cls) -> Self:
        """Of a model that takes none."""
        return cls(_NoAdapters(), _NoAdapters.call)

    @property
    def names(self) -> tuple[str, ...]:
        """In the order in which they were loaded."""
        return tuple(self._names)

    @property
    def defaults(self) -> Adapters:
        return self._defaults

    def set_defaults(self, adapters: Adapters) -> None:
        """From the next request on. RequestError when one is not loaded."""
        self._check(adapters)
        self._defaults = adapters

    async def load(self, adapter: InstalledAdapter) -> None:
        """Nothing happens when it is there already. LoadError with the reason."""
        self._failed.pop(adapter.name, None)
        await self._finish(self._load(adapter))

    async def demand(self, adapter: InstalledAdapter) -> None:
        """The same for requests that name it: what failed a moment ago is not tried again by each of them."""
        failure = self._failed.get(adapter.name)
        if failure is not None and failure.holds_for(adapter):
            raise failure.as_error(adapter)
        await self._finish(self._load(adapter))

    async def unload(self, name: str) -> None:
        """No new request gets it from now on; returns when it is freed. Requests that use it end first."""
        await self._finish(self._unload(name))

    def complete(self, request: GenerationRequest) -> GenerationRequest:
        """The same with the adapters that it means. RequestError when one is not loaded."""
        if request.adapters is None:
            return replace(request, adapters=self._defaults) if self._defaults else request
        self._check(request.adapters)
        return request

    def take(self, request: GenerationRequest) -> None:
        """It uses its adapters from now until it is given back."""
        self._uses.update(adapter.name for adapter in request.adapters or ())

    def give_back(self, request: GenerationRequest) -> None:
        for adapter in request.adapters or ():
            self._uses[adapter.name] -= 1
            if not self._uses[adapter.name]:
                del self._uses[adapter.name]
                if adapter.name in self._unused:
                    self._unused.pop(adapter.name).set()

    def _check(self, adapters: Adapters) -> None:
        for adapter in adapters:
            if adapter.name not in self._names:
                raise RequestError(
                    f"The LoRA adapter {adapter.name!r} is not loaded.",
                    param="lora",
                    code="lora_not_loaded",
                )

    async def _finish(self, work: Coroutine[Any, Any, None]) -> None:
        """A task of its own: what has begun ends, also when the one who asked for it leaves."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(task)

    async def _load(self, adapter: InstalledAdapter) -> None:
        name = adapter.name
        async with self._turns[name]:
            if name in self._names:
                return
            try:
                read = await asyncio.to_thread(self._runner.read_adapter, adapter.path)
                await self._between_steps(partial(self._runner.add_adapter, name, read))
            except LoadError as error:
                self._failed[name] = Failure(error.message, adapter.created)
                raise
            self._names[name] = None
            log.info("Loaded the LoRA adapter %s", name)

    async def _unload(self, name: str) -> None:
        async with self._turns[name]:
            if name not in self._names:
                return
            del self._names[name]
            self._defaults = tuple(a for a in self._defaults if a.name != name)
            if self._uses[name]:
                await self._unused.setdefault(name, asyncio.Event()).wait()
            await self._between_steps(partial(self._runner.drop_adapter, name))
            log.info("Unloaded the LoRA adapter %s", name)

    async def _between_steps(self, work: Callable[[], None]) -> None:
        await asyncio.wrap_future(self._call(work))


Scaled = tuple[InstalledAdapter, float]


def find_defaults(
    catalog: AdapterCatalog, loader: str, wanted: Iterable[str], *, must_fit: bool
) -> list[Scaled]:
    """Those that a load option names (NAME or NAME=SCALE).

    `must_fit`: RequestError for one that is not there; else it is left out, with a line in the log.
    """
    found: list[Scaled] = []
    for text in wanted:
        name, scale = split_scale(text)
        try:
            found.append((catalog.get(name, loader), scale))
        except NotFound as error:
            if must_fit:
                raise RequestError(error.message, param="args.lora", code=error.code) from None
            log.warning("%s This model answers without it.", error.message)
    return found


def add_defaults(runner: AdapterRunner, found: Iterable[Scaled], *, must_fit: bool) -> Adapters:
    """Load them, before the runner has a thread of its own. `must_fit`: LoadError for one that does not fit, as above."""
    scales: dict[str, float] = {}
    for adapter, scale in found:
        try:
            if adapter.name not in runner.adapters:
                runner.add_adapter(adapter.name, runner.read_adapter(adapter.path))
            scales[adapter.name] = scale
        except LoadError as error:
            if must_fit:
                raise
            log.warning("%s This model answers without it.", error.message)
    return to_adapters(scales)


class _NoAdapters:
    adapters = ()

    def read_adapter(self, path: Path) -> NoReturn:
        raise Unsupported("This model takes no LoRA adapters.", param="lora")

    def add_adapter(self, name: str, read: Any) -> None: ...

    def drop_adapter(self, name: str) -> None: ...

    @staticmethod
    def call(work: Callable[[], None]) -> Future[None]:
        done: Future[None] = Future()
        done.set_result(work())
        return done
