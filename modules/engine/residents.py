"""The models in memory: who uses them, which is left first, and what is remembered of those that left for a while."""

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import Executor

from modules.engine.limits import ModelLimits
from modules.engine.load_wish import LoadPlan, LoadWish
from modules.engine.model import LoadedModel
from modules.engine.model_events import EventType, ModelEvent, ModelEvents

log = logging.getLogger("hearth.models")


class Residents:
    """All methods belong to the event loop; models are closed in `threads`.

    A model is resident (serves), or retired (takes no new requests, and is freed when the last of its own has ended). What is asleep
    is not in memory, but counts as if it were: who asks for it, or for no model in particular, brings it back as it was. Resident
    and asleep together are never more than `max_models`.
    """

    def __init__(self, limits: ModelLimits, events: ModelEvents, threads: Executor) -> None:
        self._limits = limits
        self._events = events
        self._threads = threads
        self._models: dict[str, LoadedModel] = {}  # used longest ago first
        self._retired: dict[LoadedModel, None] = {}  # oldest first
        self._asleep: dict[str, LoadWish] = {}  # oldest first
        self._timers: dict[LoadedModel, asyncio.TimerHandle] = {}
        self._freed = asyncio.Event()
        self._is_closing = False

    def __iter__(self) -> Iterator[LoadedModel]:
        """Used most recently first."""
        return reversed(list(self._models.values()))

    @property
    def in_memory(self) -> list[LoadedModel]:
        return [*self._models.values(), *self._retired]

    @property
    def current(self) -> LoadedModel | None:
        """The one that was used last: it answers requests that name none."""
        return next(iter(self), None)

    @property
    def asleep(self) -> list[LoadWish]:
        """The one that was used last first."""
        return list(reversed(self._asleep.values()))

    @property
    def reserved_bytes(self) -> int:
        return sum(model.plan.memory.total for model in self.in_memory)

    def get(self, name: str) -> LoadedModel | None:
        return self._models.get(name)

    def sleeping(self, name: str) -> LoadWish | None:
        return self._asleep.get(name)

    def grant(self, model: LoadedModel) -> LoadedModel:
        """A lease on a resident model: give it back."""
        model.leases += 1
        self._stop_timer(model)
        self._models[model.name] = self._models.pop(model.name)  # last: used most recently
        return model

    def give_back(self, model: LoadedModel) -> None:
        model.leases -= 1
        self._let_go(model)

    async def make_room(self, plan: LoadPlan) -> None:
        """Until at most one more than `max_models` will be in memory, and no more than the budget (or nothing else, if it was forced).

        Idle models leave before busy ones, those that were used longest ago first, and the old self of what is loaded before all others. A
        busy one that has to leave answers its requests first.
        """
        while (victim := self._in_the_way(plan)) is not None:
            if not victim.is_retired:
                self._fall_asleep(victim)
            if not victim.closed.is_set():
                await self._one_is_freed()

    def admit(self, model: LoadedModel) -> None:
        """It serves from now on; its old self and those that are too many leave."""
        old = self._models.pop(model.name, None)
        if old is not None:
            self.retire(old)
        self._models[model.name] = model
        self._asleep.pop(model.name, None)
        self._trim(model)
        self._let_go(model)

    def bring_back(self, name: str) -> LoadedModel | None:
        """One that was replaced a moment ago and still answers: no need to load it twice."""
        for model in self._retired:
            if model.name == name and model.can_return and not model.is_closing:
                self._retired.pop(model)
                model.is_retired = False
                self._tell("loaded", name)
                self.admit(model)
                return model
        return None

    def retire(self, model: LoadedModel, *, can_return: bool = False) -> None:
        if self._models.get(model.name) is model:
            del self._models[model.name]
        self._stop_timer(model)
        model.is_retired, model.can_return = True, can_return
        self._retired[model] = None
        self._tell("unloading", model.name)
        self._let_go(model)

    def dismiss(self, name: str | None) -> list[LoadedModel]:
        """Take one or all out of service, asleep ones too; those that were in memory."""
        for each in list(self._asleep):
            if name in (None, each):
                del self._asleep[each]
        models = [model for model in self._models.values() if name in (None, model.name)]
        for model in models:
            self.retire(model)
        return models

    def close(self) -> None:
        """For the end of the process: blocks until all are freed, and does not wait for requests."""
        self._is_closing = True
        for timer in self._timers.values():
            timer.cancel()
        for model in self.in_memory:
            if not model.closed.is_set() and not model.is_closing:
                model.is_closing = True
                model.engine.close()
                model.closed.set()

    def _in_the_way(self, plan: LoadPlan) -> LoadedModel | None:
        """Who has to leave, or is leaving, before this can be loaded."""
        leaving = list(self._retired)
        closing = [model for model in leaving if not model.leases]
        if leaving and len(self.in_memory) > self._limits.max_models:
            others = [model for model in self._models.values() if model is not self.current]
            return next(iter([*closing, *_idle(others), *leaving]))
        budget = self._limits.memory_bytes
        if not budget or self.reserved_bytes + plan.memory.total <= budget:
            return None
        own = self._models.get(plan.name)
        models = [*([own] if own else []), *(m for m in self._models.values() if m is not own)]
        return next(iter([*closing, *_idle(models), *leaving, *models]), None)

    def _trim(self, newest: LoadedModel) -> None:
        while len(self._models) > self._limits.max_models:
            others = [model for model in self._models.values() if model is not newest]
            self.retire(next(iter([*_idle(others), *others])), can_return=True)
        while self._asleep and len(self._models) + len(self._asleep) > self._limits.max_models:
            del self._asleep[next(iter(self._asleep))]

    def _fall_asleep(self, model: LoadedModel) -> None:
        self._asleep.pop(model.name, None)
        self._asleep[model.name] = model.plan.wish
        self.retire(model, can_return=True)

    def _let_go(self, model: LoadedModel) -> None:
        """Free it where it is retired, else start its clock; nothing while somebody uses it."""
        if model.leases or model.is_closing or self._is_closing:
            return
        self._stop_timer(model)
        if model.is_retired:
            self._free(model)
        elif self._limits.idle_s:
            loop = asyncio.get_running_loop()
            self._timers[model] = loop.call_later(self._limits.idle_s, self._note_idle, model)

    def _note_idle(self, model: LoadedModel) -> None:
        self._timers.pop(model, None)
        if not model.leases and not model.is_retired:
            log.info("Unloading %s, idle for %g s", model.name, self._limits.idle_s)
            self._fall_asleep(model)

    def _stop_timer(self, model: LoadedModel) -> None:
        timer = self._timers.pop(model, None)
        if timer is not None:
            timer.cancel()

    def _free(self, model: LoadedModel) -> None:
        model.is_closing = True
        closing = asyncio.get_running_loop().run_in_executor(self._threads, model.engine.close)
        closing.add_done_callback(lambda done: self._note_freed(model, done))

    def _note_freed(self, model: LoadedModel, done: asyncio.Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            log.error("Unloading %s failed", model.name, exc_info=error)
        self._retired.pop(model, None)
        model.closed.set()
        self._freed.set()
        self._tell("unloaded", model.name)

    async def _one_is_freed(self) -> None:
        self._freed.clear()
        await self._freed.wait()

    def _tell(self, what: EventType, name: str) -> None:
        self._events.tell(ModelEvent(what, name))


def _idle(models: list[LoadedModel]) -> list[LoadedModel]:
    return [model for model in models if not model.leases]
