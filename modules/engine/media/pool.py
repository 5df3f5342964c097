"""The models of one kind that are loaded: load late, lease, swap, unload when idle."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from modules.core.errors import AppError, LoadError, NotInstalled, NotReady, RequestError
from modules.core.jobs import Job
from modules.core.options import Option, shown
from modules.core.traces import WITH_MESSAGES
from modules.engine.failures import Failure
from modules.engine.media.statistics import MediaStatistics
from modules.engine.media.worker import Worker
from modules.engine.progress import LoadProgress
from modules.loaders.media_base import MediaModel
from modules.loaders.media_catalog import InstalledMedia, Kind, MediaCatalog

log = logging.getLogger("hearth.media")

M = TypeVar("M", bound=MediaModel)

Grant = asyncio.Future[Worker[M]]
"""What a request waits for: a worker with a lease of its own."""

Build = Callable[[InstalledMedia, Mapping[str, Any]], M]
"""Loads a model with checked options, in the worker's thread; raises AppError with the reason."""


@dataclass(frozen=True)
class PoolLimits:
    """`idle_s`: a model that nobody used for so long is unloaded; 0 is never."""

    max_loaded: int = 1
    max_queue: int = 256
    idle_s: float = 600.0


@dataclass(frozen=True)
class LoadOptions:
    """Load options of one kind, with the settings' values."""

    options: Mapping[str, Option] = field(default_factory=dict[str, Option])
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def with_args(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """RequestError names an arg that does not exist or has a wrong value."""
        checked = dict(self.values)
        for name, value in args.items():
            option = self.options.get(name.replace("-", "_"))
            if option is None:
                known = ", ".join(self.options) or "none"
                raise RequestError(
                    f"There is no load option {shown(name)}; there are: {known}.",
                    param=f"args.{name}",
                )
            checked[name.replace("-", "_")] = _checked(option, value, name)
        return checked


def _checked(option: Option, value: Any, name: str) -> Any:
    try:
        return option.check(value)
    except RequestError as error:
        raise RequestError(error.message, param=f"args.{name}") from None


class ModelPool(Generic[M]):
    """All methods belong to the event loop; what is slow runs in the workers' threads.

    Each loaded model has a worker of its own. A new one is loaded beside the others, which go on serving; past `max_loaded` the one that
    was used longest ago then makes room: it takes no new requests, and is freed when the last of its own has ended. The new one serves
    after that. So a load that fails changes nothing, and at most one model more than `max_loaded` is in memory.
    """

    def __init__(
        self,
        catalog: MediaCatalog,
        build: Build[M],
        limits: PoolLimits | None = None,
        options: LoadOptions | None = None,
    ) -> None:
        self.catalog = catalog
        self.statistics = MediaStatistics()
        self.loading: LoadProgress | None = None
        self.last_error: str | None = None
        self._build = build
        self._limits = limits or PoolLimits()
        self._options = options or LoadOptions()
        self._workers: dict[str, Worker[M]] = {}  # used longest ago first
        self._retired: set[Worker[M]] = set()
        self._demanded: dict[str, list[Grant[M]]] = {}
        self._failed: dict[str, Failure] = {}
        self._timers: dict[Worker[M], asyncio.TimerHandle] = {}
        self._turn = asyncio.Lock()
        self._is_closing = False
        self._has_advised = False

    @property
    def kind(self) -> Kind:
        return self.catalog.kind

    @property
    def loaded(self) -> list[Worker[M]]:
        """Used most recently first."""
        return list(reversed(self._workers.values()))

    @property
    def jobs(self) -> list[Job]:
        return [job for worker in [*self._workers.values(), *self._retired] for job in worker.jobs]

    def is_loaded(self, name: str) -> bool:
        return name in self._workers

    @asynccontextmanager
    async def lease(self, model: InstalledMedia | None = None) -> AsyncGenerator[Worker[M]]:
        """The worker for one request, kept until the request ends; loads the model first where it is not loaded."""
        worker = await self._take(model or await asyncio.to_thread(self.catalog.default))
        try:
            yield worker
        finally:
            self._give_back(worker)

    async def load(self, model: InstalledMedia, args: Mapping[str, Any] | None = None) -> Worker[M]:
        """Load anew, also where it is loaded. LoadError or RequestError leaves what is loaded as it is."""
        options = self._options.with_args(args or {})
        self._failed.pop(model.name, None)
        return await asyncio.shield(_spawn(self._load_in_turn(model, options)))

    async def unload(self, name: str | None = None) -> list[str]:
        """Take one or all out of service; returns their names once they are freed. Running requests end first.

        What is being loaded now is not meant: no load is waited for.
        """
        workers = [w for n, w in list(self._workers.items()) if name is None or n == name]
        for worker in workers:
            self._retire(worker)
        for worker in workers:
            await worker.closed.wait()
        return [worker.name for worker in workers]

    def stop(self, stop_id: str | None = None) -> int:
        """Cancel all jobs or those with this id; says how many."""
        return sum(w.stop(stop_id) for w in [*self._workers.values(), *self._retired])

    async def close(self) -> None:
        """For the end of the process: gives up what runs."""
        self._is_closing = True
        for timer in self._timers.values():
            timer.cancel()
        self.stop()
        workers = [*self._workers.values(), *self._retired]
        for worker in workers:
            worker.close()
        async with self._turn:  # what is being loaded is freed by who loads it
            workers += self._retired
        for worker in workers:
            await worker.closed.wait()

    async def _take(self, wanted: InstalledMedia) -> Worker[M]:
        """With a lease. Many may ask at once: they all wait for one load, and have their lease before anything can make the model go."""
        worker = self._workers.get(wanted.name)
        if worker is not None:
            return self._grant(worker)
        failure = self._failed.get(wanted.name)
        if failure is not None and failure.holds_for(wanted):
            raise failure.as_error(wanted)
        grant: Grant[M] = asyncio.get_running_loop().create_future()
        if wanted.name not in self._demanded:
            self._demanded[wanted.name] = []
            _spawn(self._meet_demand(wanted))
        self._demanded[wanted.name].append(grant)
        try:
            return await grant
        except asyncio.CancelledError:
            if grant.done() and not grant.cancelled() and grant.exception() is None:
                self._give_back(grant.result())
            raise

    async def _meet_demand(self, wanted: InstalledMedia) -> None:
        try:
            async with self._turn:
                worker = self._workers.get(wanted.name)
                if worker is None:  # no other load brought it meanwhile
                    worker = await self._load(wanted, self._options.with_args({}))
                for grant in self._open_grants(wanted):
                    grant.set_result(self._grant(worker))
        except AppError as error:
            for grant in self._open_grants(wanted):
                grant.set_exception(error)
        finally:
            for grant in self._open_grants(wanted):
                grant.cancel()

    def _open_grants(self, wanted: InstalledMedia) -> list[Grant[M]]:
        return [grant for grant in self._demanded.pop(wanted.name, []) if not grant.done()]

    def _grant(self, worker: Worker[M]) -> Worker[M]:
        worker.leases += 1
        self._stop_timer(worker)
        if self._workers.pop(worker.name, None) is not None:
            self._workers[worker.name] = worker  # last: used most recently
        return worker

    def _give_back(self, worker: Worker[M]) -> None:
        worker.leases -= 1
        self._let_go(worker)

    async def _load_in_turn(self, wanted: InstalledMedia, options: Mapping[str, Any]) -> Worker[M]:
        async with self._turn:
            return await self._load(wanted, options)

    async def _load(self, wanted: InstalledMedia, options: Mapping[str, Any]) -> Worker[M]:
        progress = self.loading = LoadProgress(wanted.name)
        try:
            await self._wait_for_room(wanted, self._limits.max_loaded)
            worker = await self._build_worker(wanted, options)
            await self._make_room(worker, wanted)
        finally:
            self.loading = None
        self._admit(worker)
        log.info("Loaded %s in %.1f s", wanted.name, progress.seconds)
        self._advise(wanted)
        return worker

    async def _build_worker(self, wanted: InstalledMedia, options: Mapping[str, Any]) -> Worker[M]:
        if self._is_closing:
            raise NotReady("The server is shutting down.")
        worker: Worker[M] = Worker(wanted.name, self.statistics, self._limits.max_queue)
        log.info("Loading the %s model %s", self.kind, wanted.name)
        try:
            await worker.load(partial(self._build, wanted, options))
        except BaseException as error:
            worker.close()
            raise self._failure(wanted, error) from error
        return worker

    def _advise(self, loaded: InstalledMedia) -> None:
        """Once: a model that only shows that all works should not be taken for the real thing."""
        catalog = self.catalog
        is_stopgap = catalog.wanted is None and loaded.name in catalog.bundled
        if is_stopgap and catalog.advice and not self._has_advised:
            self._has_advised = True
            log.warning("%s", catalog.advice)

    def _admit(self, worker: Worker[M]) -> None:
        old = self._workers.pop(worker.name, None)
        if old is not None:
            self._retire(old)
        self._workers[worker.name] = worker
        self.last_error = None
        self._let_go(worker)

    def _failure(self, wanted: InstalledMedia, error: BaseException) -> BaseException:
        if isinstance(error, NotInstalled) or not isinstance(error, Exception):
            return error
        if not isinstance(error, AppError):
            log.error("Loading %s failed", wanted.name, exc_info=error, extra=WITH_MESSAGES)
            error = LoadError(f"Loading {wanted.name} failed; the log has the details.")
        self.last_error = error.message
        self._failed[wanted.name] = Failure(error.message, wanted.created)
        log.error("%s", error.message)
        return error

    async def _make_room(self, worker: Worker[M], wanted: InstalledMedia) -> None:
        """For one that is there, and serves nobody yet. One that is loaded anew takes the place of its old self."""
        kept = max(0, self._limits.max_loaded - 1)
        others = self._others(wanted)
        for other in others[: max(0, len(others) - kept)]:
            self._retire(other)
        await self._wait_for_room(wanted, kept)
        if self._is_closing:
            worker.close()
            await worker.closed.wait()
            raise NotReady("The server is shutting down.")

    async def _wait_for_room(self, wanted: InstalledMedia, kept: int) -> None:
        """Until those on their way out leave no more than `kept` others."""
        while self._retired and len(self._others(wanted)) + len(self._retired) > kept:
            await next(iter(self._retired)).closed.wait()
            self._retired = {worker for worker in self._retired if not worker.closed.is_set()}

    def _others(self, wanted: InstalledMedia) -> list[Worker[M]]:
        """Used longest ago first."""
        return [worker for name, worker in self._workers.items() if name != wanted.name]

    def _retire(self, worker: Worker[M]) -> None:
        if self._workers.get(worker.name) is worker:
            del self._workers[worker.name]
        worker.is_retired = True
        self._retired.add(worker)
        self._let_go(worker)

    def _let_go(self, worker: Worker[M]) -> None:
        """Free it where it is retired, else start its clock; nothing while somebody uses it."""
        if worker.leases:
            return
        self._stop_timer(worker)
        if worker.is_retired:
            worker.close()
            _spawn(self._forget(worker))
        elif self._limits.idle_s and not self._is_closing:
            loop = asyncio.get_running_loop()
            self._timers[worker] = loop.call_later(self._limits.idle_s, self._unload_idle, worker)

    async def _forget(self, worker: Worker[M]) -> None:
        await worker.closed.wait()
        self._retired.discard(worker)

    def _unload_idle(self, worker: Worker[M]) -> None:
        self._timers.pop(worker, None)
        if not worker.leases and not worker.is_retired:
            log.info("Unloading %s, idle for %g s", worker.name, self._limits.idle_s)
            self._retire(worker)

    def _stop_timer(self, worker: Worker[M]) -> None:
        timer = self._timers.pop(worker, None)
        if timer is not None:
            timer.cancel()


T = TypeVar("T")


def _spawn(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task of its own: it goes on when the one who asked for it leaves. Whoever waits is told of its failure."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
