"""Which model is loaded: load, swap, unload and lease, beside the traffic."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from modules.core.errors import AppError, LoadError, NotReady
from modules.engine.engine import Engine
from modules.engine.failures import Failure
from modules.engine.ledger import Ledger
from modules.engine.model import LoadedModel
from modules.engine.progress import LoadProgress
from modules.loaders.catalog import Catalog, InstalledModel
from modules.loaders.registry import (
    LOADERS,
    check_load_args,
    default_load_args,
    own_args,
    refuse_flags,
)
from modules.prompts.template_sources import TemplateSources

log = logging.getLogger("hearth.models")


ProgressListener = Callable[[LoadProgress], None]


class ModelManager:
    """One text model at a time. All methods belong to the event loop; the slow parts run in threads.

    A new model is loaded while the old one still answers, and takes its place only when it is ready.
    """

    def __init__(
        self,
        catalog: Catalog,
        load_defaults: Mapping[str, Any] | None = None,
        *,
        max_queue: int = 256,
        on_progress: ProgressListener | None = None,
        templates: TemplateSources | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.catalog = catalog
        self._templates = templates or TemplateSources(catalog.folder.parent, catalog.folder)
        self.ledger = ledger or Ledger()
        self.last_error: str | None = None
        self._load_defaults = dict(load_defaults or {})
        self._max_queue = max_queue
        self._on_progress = on_progress
        self._current: LoadedModel | None = None
        self._loading: LoadProgress | None = None
        self._turn = asyncio.Lock()
        self._demanded: dict[str, asyncio.Task[LoadedModel]] = {}
        self._failed: dict[str, Failure] = {}
        self._is_closing = False
        # Of its own: loads must not wait for the threads that requests share, nor they for it.
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="load")
        self._retired: dict[LoadedModel, None] = {}  # oldest first

    @property
    def current(self) -> LoadedModel | None:
        return self._current

    @property
    def loading(self) -> LoadProgress | None:
        return self._loading

    @asynccontextmanager
    async def lease(self, name: str | None = None) -> AsyncGenerator[LoadedModel]:
        """The model for one request, kept until the request ends.

        `name` of an installed model loads that one first; None takes what is loaded. NotReady when
        nothing is.
        """
        model = await self._find(name)
        while model.is_retired:  # swapped away between its load and now
            model = await self._find(name)
        model.leases += 1
        try:
            yield model
        finally:
            model.leases -= 1
            self._close_if_idle(model)

    async def load(
        self, model: InstalledModel, args: Mapping[str, Any] | None = None
    ) -> LoadedModel:
        """Load and swap. LoadError or RequestError leaves the old model serving."""
        refuse_flags(args or {})
        options = self._options(model.loader, args or {})
        self._failed.pop(model.name, None)
        # A task of its own: a load goes on when the one who asked for it leaves.
        return await asyncio.shield(
            self._spawn(self._load_in_turn(model, options, dict(args or {})))
        )

    async def unload(self) -> str | None:
        """Take the model out of service; returns its name once it is freed. Running requests end first."""
        async with self._turn:
            model, self._current = self._current, None
            if model is None:
                return None
            self._retire(model)
        await model.closed.wait()
        return model.info.name

    def stop(self, stop_id: str | None = None) -> int:
        """End replies early, all or those with this id, of a model that was replaced too; says how many."""
        models = [*self._retired, *([self._current] if self._current else [])]
        return sum(model.engine.stop(stop_id) for model in models)

    async def close(self) -> None:
        """For the end of the process: does not wait for requests, and gives up a load."""
        self._is_closing = True
        if self._loading is not None:
            self._loading.is_given_up = True
        # Threads that render or tokenize for requests nobody waits for must be done before the model is freed.
        await asyncio.get_running_loop().shutdown_default_executor()
        self._threads.shutdown(wait=True)
        model, self._current = self._current, None
        for each in [*self._retired, *([model] if model else [])]:
            if not each.closed.is_set() and not each.is_closing:
                each.is_closing = True
                each.engine.close()
                each.closed.set()

    async def _find(self, name: str | None) -> LoadedModel:
        if name is not None and (self._current is None or self._current.info.name != name):
            wanted = await asyncio.to_thread(self.catalog.get, name)
            if self._current is None or self._current.info.name != wanted.name:
                return await self._load_on_demand(wanted)
        if self._current is None:
            raise self._not_ready()
        return self._current

    async def _load_on_demand(self, wanted: InstalledModel) -> LoadedModel:
        """Many may ask at once: they all wait for one load."""
        task = self._demanded.get(wanted.name)
        failure = self._failed.get(wanted.name)
        if task is None and failure is not None and failure.holds_for(wanted):
            raise failure.as_error(wanted)
        if task is None:
            options = self._options(wanted.loader, {})
            task = self._spawn(self._find_in_turn(wanted, options))
            self._demanded[wanted.name] = task
            task.add_done_callback(lambda _: self._demanded.pop(wanted.name, None))
        return await asyncio.shield(task)

    def _spawn(self, work: Coroutine[Any, Any, LoadedModel]) -> asyncio.Task[LoadedModel]:
        task = asyncio.ensure_future(work)
        # Whoever waits is told; when nobody does any more, the failure is in the log already.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def _load_in_turn(
        self, wanted: InstalledModel, options: Mapping[str, Any], args: Mapping[str, Any]
    ) -> LoadedModel:
        async with self._turn:
            return await self._load_when_free(wanted, options, args)

    async def _find_in_turn(
        self, wanted: InstalledModel, options: Mapping[str, Any]
    ) -> LoadedModel:
        """What another load brought meanwhile, or the same model replaced a moment ago: no need to load it twice."""
        async with self._turn:
            if self._current is not None and self._current.info.name == wanted.name:
                return self._current
            for model in self._retired:
                if model.info.name == wanted.name and not model.is_closing:
                    return self._bring_back(model)
            return await self._load_when_free(wanted, options, {})

    def _bring_back(self, model: LoadedModel) -> LoadedModel:
        self._retired.pop(model)
        model.is_retired = False
        old, self._current = self._current, model
        if old is not None:
            self._retire(old)
        return model

    async def _load_when_free(
        self, wanted: InstalledModel, options: Mapping[str, Any], args: Mapping[str, Any]
    ) -> LoadedModel:
        """Each replaced model that still answers takes memory of its own: the next load waits for it."""
        while self._retired:
            await next(iter(self._retired)).closed.wait()
        if self._is_closing:
            raise NotReady("The server is shutting down.")
        return await self._load(wanted, options, args)

    def _not_ready(self) -> NotReady:
        if self._loading is not None:
            return NotReady(
                f"The model {self._loading.name} is still loading "
                f"({self._loading.progress:.0%}); try again in a moment.",
                code="model_loading",
            )
        reason = f" The last load failed: {self.last_error}" if self.last_error else ""
        return NotReady(
            "No model is loaded. Load one with /v1/internal/model/load, or name an installed model in "
            f"'model'.{reason}",
            retry_after_s=10,
        )

    def _options(self, loader: str, args: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **default_load_args(loader),
            **check_load_args(loader, own_args(loader, self._load_defaults)),
            **check_load_args(loader, args),
        }

    async def _load(
        self, wanted: InstalledModel, options: Mapping[str, Any], args: Mapping[str, Any]
    ) -> LoadedModel:
        progress = self._loading = LoadProgress(wanted.name)
        log.info("Loading %s", wanted.name)
        try:
            model = await self._build(wanted, options, args, progress)
        except AppError as error:
            self.last_error = error.message
            self._failed[wanted.name] = Failure(error.message, wanted.created)
            log.error("%s", error.message)
            raise
        except Exception as error:
            log.exception("Loading %s failed", wanted.name)
            self.last_error = f"{type(error).__name__} while loading {wanted.name}"
            raise LoadError(f"Loading {wanted.name} failed; the log has the details.") from error
        finally:
            self._loading = None
        if self._is_closing:
            model.engine.close()  # there are no worker threads any more
            raise NotReady("The server is shutting down.")
        old, self._current, self.last_error = self._current, model, None
        if old is not None:
            self._retire(old)
        log.info(
            "Loaded %s in %.1f s: context %d tokens, %d slots",
            wanted.name,
            progress.seconds,
            model.info.context_length,
            model.info.slots,
        )
        return model

    async def _build(
        self,
        wanted: InstalledModel,
        options: Mapping[str, Any],
        args: Mapping[str, Any],
        progress: LoadProgress,
    ) -> LoadedModel:
        loop = asyncio.get_running_loop()

        def report(share: float) -> bool:
            progress.progress = share
            if self._on_progress is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._on_progress, progress)
            return not progress.is_given_up

        def run() -> LoadedModel:
            runner = LOADERS[wanted.loader]()(wanted.path, wanted.name, options, report)
            engine = Engine(runner, self._max_queue)
            engine.statistics.listener = partial(self.ledger.note, wanted.name)
            model = LoadedModel(engine, self._templates, args, int(time.time()))
            try:
                _ = model.template.abilities  # one that cannot be used is found now
            except BaseException:
                engine.close()
                raise
            return model

        return await loop.run_in_executor(self._threads, run)

    def _retire(self, model: LoadedModel) -> None:
        model.is_retired = True
        self._retired[model] = None
        self._close_if_idle(model)

    def _close_if_idle(self, model: LoadedModel) -> None:
        if not model.is_retired or model.leases or model.is_closing:
            return
        closing = asyncio.get_running_loop().run_in_executor(self._threads, model.engine.close)
        model.is_closing = True
        closing.add_done_callback(lambda _: self._note_closed(model))

    def _note_closed(self, model: LoadedModel) -> None:
        self._retired.pop(model, None)
        model.closed.set()
