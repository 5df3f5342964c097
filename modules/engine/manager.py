"""Which models are loaded: load, unload and lease, beside the traffic."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from modules.core.errors import AppError, Cancelled, LoadError, NotReady, RequestError
from modules.core.traces import WITH_MESSAGES
from modules.engine.demands import Demands, granted
from modules.engine.failures import Failure
from modules.engine.ledger import Ledger
from modules.engine.limits import GIB, ModelLimits
from modules.engine.load_planner import LoadPlanner
from modules.engine.load_wish import LoadPlan, LoadWish
from modules.engine.model import LoadedModel
from modules.engine.model_builder import ModelBuilder, ProgressListener
from modules.engine.model_events import Listener, ModelEvent, ModelEvents
from modules.engine.progress import LoadProgress
from modules.engine.residents import Residents
from modules.engine.saved_settings import SavedSettings
from modules.loaders.catalog import Catalog, InstalledModel
from modules.loaders.registry import check_load_args, refuse_flags
from modules.prompts.template_sources import TemplateSources

log = logging.getLogger("hearth.models")

LOAD_THREADS = 2


class ModelManager:
    """All methods belong to the event loop; the slow parts run in threads.

    One load at a time. A new model is loaded while the others still answer, and serves only when it is ready; then those that are too
    many leave (`Residents`). With a memory budget, those that do not fit beside it leave before.
    """

    def __init__(
        self,
        catalog: Catalog,
        load_defaults: Mapping[str, Any] | None = None,
        *,
        limits: ModelLimits | None = None,
        on_progress: ProgressListener | None = None,
        templates: TemplateSources | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.catalog = catalog
        self.limits = limits or ModelLimits()
        self.ledger = ledger or Ledger()
        self.saved = SavedSettings(catalog.folder)
        self.last_error: str | None = None
        self.loading: LoadProgress | None = None
        self._events = ModelEvents()
        self._on_progress = on_progress
        self._threads = ThreadPoolExecutor(LOAD_THREADS, thread_name_prefix="load")
        self._residents = Residents(self.limits, self._events, self._threads)
        self._planner = LoadPlanner(load_defaults or {}, self.saved, catalog.adapters)
        templates = templates or TemplateSources(catalog.folder.parent, catalog.folder)
        self._templates = templates
        self._builder = ModelBuilder(
            templates, catalog.adapters, self.ledger, self.limits.max_queue, self._threads
        )
        self._turn = asyncio.Lock()
        self._demands = Demands()
        self._failed: dict[str, Failure] = {}
        self.is_closing = False

    @property
    def current(self) -> LoadedModel | None:
        """The one that was used last: it answers requests that name none, or one that is not here."""
        return self._residents.current

    @property
    def loaded(self) -> list[LoadedModel]:
        """Used most recently first."""
        return list(self._residents)

    @property
    def asleep(self) -> list[str]:
        """Names of models that are not in memory, but come back by themselves; used most recently first."""
        return [wish.name for wish in self._residents.asleep]

    @property
    def reserved_bytes(self) -> int:
        """By estimate, of all models in memory."""
        return self._residents.reserved_bytes

    @property
    def templates(self) -> TemplateSources:
        """Of all models, loaded or not."""
        return self._templates

    def get(self, name: str) -> LoadedModel | None:
        """A loaded model by its name or alias."""
        return self._residents.get(self.catalog.aliases.get(name, name))

    def in_service(self, name: str) -> str | None:
        """The name of a model that is loaded or asleep, by its name or alias; touches no disk."""
        name = self.catalog.aliases.get(name, name)
        is_known = self._residents.get(name) or self._residents.sleeping(name)
        return name if is_known else None

    @asynccontextmanager
    async def lease(self, name: str | None = None) -> AsyncGenerator[LoadedModel]:
        """The model for one request, kept until the request ends.

        `name` of an installed model loads that one first; None takes what is loaded or asleep. NotReady when nothing is.
        """
        model = await self._take(name)
        try:
            yield model
        finally:
            self._residents.give_back(model)

    async def load(
        self,
        model: InstalledModel,
        args: Mapping[str, Any] | None = None,
        *,
        is_forced: bool = False,
    ) -> LoadedModel:
        """Load anew, also what is loaded. LoadError or RequestError leaves the others serving.

        `is_forced`: also when it does not fit into the memory budget; all others leave then.
        """
        refuse_flags(args or {})
        check_load_args(model.loader, args or {})
        self._failed.pop(model.name, None)
        wish = LoadWish(model, dict(args or {}), is_forced, is_explicit=True)
        return await asyncio.shield(_spawn(self._load_in_turn(wish)))

    async def plan(self, model: InstalledModel, args: Mapping[str, Any] | None = None) -> LoadPlan:
        """What a load would do, and take."""
        return await asyncio.to_thread(self._planner.plan, LoadWish(model, dict(args or {})))

    async def unload(self, name: str | None = None, *, everything: bool = False) -> list[str]:
        """Take one model (the current one where none is named) or all out of service, asleep ones too; names of those that were
        loaded, once they are freed. Running requests end first.
        """
        async with self._turn:
            models = self._dismiss(name, everything=everything)
            self.last_error = None  # of a load that nobody asks about any more
        for model in models:
            await model.closed.wait()
        return [model.name for model in models]

    def cancel_load(self) -> bool:
        """Give the load up that is under way; those who wait for it get Cancelled. Says whether there was one."""
        if self.loading is None:
            return False
        self.loading.is_cancelled = True
        return True

    def stop(self, stop_id: str | None = None) -> int:
        """End replies early, all or those with this id, of a model that was replaced too; says how many."""
        return sum(model.engine.stop(stop_id) for model in self._residents.in_memory)

    def listen(self) -> Listener:
        """Events of loads and unloads from now on; the first say what is so now. End it with `leave`."""
        now = [ModelEvent("loaded", model.name) for model in reversed(self.loaded)]
        if self.loading is not None:
            now.append(_to_event(self.loading))
        return self._events.listen(now or [ModelEvent("unloaded", None)])

    def leave(self, listener: Listener) -> None:
        self._events.leave(listener)

    def give_up(self) -> None:
        """The process is about to end: a load is given up and none begins, and whoever listens is told no more."""
        self.is_closing = True
        self._events.close()
        if self.loading is not None:
            self.loading.is_given_up = True

    async def close(self) -> None:
        """For the end of the process: does not wait for requests."""
        self.give_up()
        # Threads that render or tokenize for requests nobody waits for must be done before the model is freed.
        await asyncio.get_running_loop().shutdown_default_executor()
        self._templates.threads.shutdown(wait=True)
        self._threads.shutdown(wait=True)
        self._residents.close()

    async def _take(self, name: str | None) -> LoadedModel:
        """With a lease. Many may ask at once: they all wait for one load, and have their lease before anything can make it leave."""
        if name is None:
            current = self._residents.current
            return await self._demand(None) if current is None else self._residents.grant(current)
        known = self.in_service(name)
        wish = None if known is None else self._residents.sleeping(known)
        if known is None:
            installed = await asyncio.to_thread(self.catalog.get, name)
            known = installed.name
            wish = self._residents.sleeping(known) or LoadWish(installed)
        model = self._residents.get(known)
        return await self._demand(wish) if model is None else self._residents.grant(model)

    async def _demand(self, wish: LoadWish | None) -> LoadedModel:
        """None: what is asleep, or whatever is loaded by then."""
        wanted = wish or next(iter(self._residents.asleep), None)
        if wanted is None:
            raise self._not_ready()
        failure = self._failed.get(wanted.name)
        if failure is not None and failure.holds_for(wanted.model):
            raise failure.as_error(wanted.model)
        name = None if wish is None else wish.name
        grant, is_first = self._demands.join(name)
        if is_first:
            _spawn(self._meet_demand(name, wanted))
        try:
            return await grant
        except asyncio.CancelledError:
            model = granted(grant)
            if model is not None:
                self._residents.give_back(model)
            raise

    async def _meet_demand(self, name: str | None, wish: LoadWish) -> None:
        try:
            async with self._turn:
                model = await self._find_or_load(name, wish)
                self._demands.meet(name, partial(self._residents.grant, model))
        except AppError as error:
            self._demands.refuse(name, error)
        except Exception:
            log.exception("Finding %s failed", wish.name, extra=WITH_MESSAGES)
            error = LoadError("The model could not be found; the log has the details.")
            self._demands.refuse(name, error)
        finally:
            self._demands.drop(name)

    async def _find_or_load(self, name: str | None, wish: LoadWish) -> LoadedModel:
        """What another load brought meanwhile, or the same model replaced a moment ago: no need to load it twice."""
        current = self._residents.current
        if name is None and current is not None:
            return current
        model = self._residents.get(wish.name) or self._residents.bring_back(wish.name)
        return model or await self._load(replace(wish, is_explicit=False))

    async def _load_in_turn(self, wish: LoadWish) -> LoadedModel:
        async with self._turn:
            return await self._load(wish)

    async def _load(self, wish: LoadWish) -> LoadedModel:
        plan = await asyncio.to_thread(self._planner.plan, wish)
        self._check_budget(plan)
        progress = self.loading = LoadProgress(wish.name)
        self._events.tell(_to_event(progress))
        try:
            await self._residents.make_room(plan)
            if self.is_closing:
                raise NotReady("The server is shutting down.")
            if progress.is_cancelled:
                raise Cancelled(f"Loading {wish.name} was cancelled.")
            log.info("Loading %s", wish.name)
            model = await self._builder.build(plan, progress, self._tell_progress)
        except Exception as error:
            raise self._failure(wish, progress, error) from error
        finally:
            self.loading = None
        self.last_error = None
        self._residents.admit(model)
        self._events.tell(ModelEvent("loaded", wish.name, 1.0, round(progress.seconds, 3)))
        log.info(
            "Loaded %s in %.1f s: context %d tokens, %d slots",
            wish.name,
            progress.seconds,
            model.info.context_length,
            model.info.slots,
        )
        return model

    def _check_budget(self, plan: LoadPlan) -> None:
        budget, needed = self.limits.memory_bytes, plan.memory.total
        if budget and needed > budget and not plan.wish.is_forced:
            raise RequestError(
                f"{plan.name} needs about {needed / GIB:.2f} GiB of memory with these options; --memory-budget is {budget / GIB:.2f} GiB. "
                "A smaller ctx_size or parallel, or another cache_type, makes it smaller.",
                param="model",
                code="model_too_large",
            )

    def _failure(self, wish: LoadWish, progress: LoadProgress, error: Exception) -> AppError:
        if self.is_closing:
            return NotReady("The server is shutting down.")
        if progress.is_cancelled:
            return self._note_cancelled(wish, progress)
        if not isinstance(error, AppError):
            log.error("Loading %s failed", wish.name, exc_info=error, extra=WITH_MESSAGES)
            error = LoadError(f"Loading {wish.name} failed; the log has the details.")
        self.last_error = error.message
        if not (wish.is_explicit and wish.args):  # with other args it may do better
            self._failed[wish.name] = Failure(error.message, wish.model.created)
        log.error("%s", error.message)
        seconds = round(progress.seconds, 3)
        self._events.tell(ModelEvent("failed", wish.name, seconds=seconds, error=error.message))
        return error

    def _note_cancelled(self, wish: LoadWish, progress: LoadProgress) -> AppError:
        """No failure: it may be tried again at once."""
        error = Cancelled(f"Loading {wish.name} was cancelled.")
        log.info("%s", error.message)
        seconds = round(progress.seconds, 3)
        self._events.tell(ModelEvent("failed", wish.name, seconds=seconds, error=error.message))
        return error

    def _tell_progress(self, progress: LoadProgress) -> None:
        if progress is self.loading:  # the last report may come when all is over
            self._events.tell(_to_event(progress))
        if self._on_progress is not None:
            self._on_progress(progress)

    def _dismiss(self, name: str | None, *, everything: bool) -> list[LoadedModel]:
        if everything:
            return self._residents.dismiss(None)
        if name is None:
            current = self._residents.current
            name = current.name if current else next(iter(self.asleep), None)
        return [] if name is None else self._residents.dismiss(self.in_service(name) or name)

    def _not_ready(self) -> NotReady:
        if self.loading is not None:
            return NotReady(
                f"The model {self.loading.name} is still loading "
                f"({self.loading.progress:.0%}); try again in a moment.",
                code="model_loading",
            )
        reason = f" The last load failed: {self.last_error}" if self.last_error else ""
        return NotReady(
            "No model is loaded. Load one with /v1/internal/model/load, or name an installed model in "
            f"'model'.{reason}",
            retry_after_s=10,
        )


def _to_event(load: LoadProgress) -> ModelEvent:
    return ModelEvent("loading", load.name, round(load.progress, 3), round(load.seconds, 3))


T = TypeVar("T")


def _spawn(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task of its own: it goes on when the one who asked for it leaves. Whoever waits is told of its failure."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
