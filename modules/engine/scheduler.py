"""The generation loop: one thread per loaded text model, one batch for all its requests."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from modules.core.errors import AppError, Busy, ModelError, NotReady
from modules.core.events import Event
from modules.engine.generation import Generation
from modules.engine.statistics import EngineStatistics
from modules.engine.stream import EventStream
from modules.loaders.base import Sampled, Sequence, Step, TextRunner

log = logging.getLogger("hearth.engine")

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job:
    """A request between submit and its end. `is_cancelled` may be set from any thread."""

    sequence: Sequence
    generation: Generation
    stream: EventStream
    is_cancelled: bool = False
    is_stopped: bool = False
    submitted: float = field(default_factory=time.monotonic)
    is_begun: bool = False
    has_text: bool = False


Call = tuple[Callable[[], Any], Future[Any]]
Delivery = tuple[EventStream, list[Event] | AppError]


class Scheduler:
    """Runs every job of one runner. `submit`, `drop_cancelled`, `call` and `close` may be called from any thread."""

    def __init__(self, runner: TextRunner, max_queue: int) -> None:
        self.statistics = EngineStatistics(slots=runner.info.slots)
        self._runner = runner
        self._max_queue = max_queue
        self._condition = threading.Condition()
        self._arrived: deque[Job] = deque()
        self._waiting: deque[Job] = deque()
        self._running: dict[Sequence, Job] = {}
        self._calls: deque[Call] = deque()
        self._due: deque[Call] = deque()
        self._outbox: dict[asyncio.AbstractEventLoop, list[Delivery]] = {}
        self._has_cancelled = False
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def submit(self, jobs: list[Job]) -> None:
        """Busy when the queue is full. The jobs of one call are let in together, however many they are."""
        with self._condition:
            if self._is_closing:
                raise NotReady("The model is being unloaded.")
            queued = len(self._arrived) + len(self._waiting)
            free = self._runner.info.slots - len(self._running)
            if queued >= self._max_queue + free:
                raise Busy(
                    f"{queued} requests are waiting already; try again in a moment.",
                    retry_after_s=self.statistics.expected_wait_s(queued),
                )
            self._arrived.extend(jobs)
            self._condition.notify()

    def drop_cancelled(self) -> None:
        """Have the loop look for cancelled and stopped jobs, before its next step."""
        with self._condition:
            self._has_cancelled = True
            self._condition.notify()

    def call(self, work: Callable[[], T]) -> Future[T]:
        """Run `work` in the loop's thread, between two steps: for what the runner cannot take beside one."""
        done: Future[T] = Future()
        with self._condition:
            if self._is_closing:
                raise NotReady("The model is being unloaded.")
            self._calls.append((work, done))
            self._condition.notify()
        return done

    def close(self) -> None:
        """End all requests with an error, then free the model; returns when that is done."""
        with self._condition:
            self._is_closing = True
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop()
        finally:
            with self._condition:
                self._is_closing = True
            self._end_all(NotReady("The model was unloaded."))
            self._refuse_calls()
            self._deliver()
            self._runner.close()

    def _loop(self) -> None:
        while self._take_arrivals():
            try:
                self._turn()
            except Exception:
                # A fault of ours must not leave requests without an end, nor the model without a loop.
                log.exception("The generation loop failed")
                self._end_all(ModelError("The server failed while generating."))
            # Before the last event goes out: who has the whole answer finds the slot free.
            self.statistics.note_load(len(self._running), len(self._waiting))
            self._deliver()

    def _turn(self) -> None:
        self._drop_cancelled()
        self._run_calls()
        self._admit()
        if self._running:
            self._dispatch(self._step())

    def _take_arrivals(self) -> bool:
        """Wait while there is nothing to do; False when it is time to end."""
        with self._condition:
            while not (self._has_work() or self._is_closing):
                self._condition.wait()
            self._waiting.extend(self._arrived)
            self._arrived.clear()
            # Those of now: what was cancelled before they were made is dropped before they run.
            self._due.extend(self._calls)
            self._calls.clear()
            return not self._is_closing

    def _has_work(self) -> bool:
        return bool(self._arrived or self._waiting or self._running or self._calls or self._due)

    def _run_calls(self) -> None:
        while self._due:
            work, done = self._due.popleft()
            if not done.set_running_or_notify_cancel():
                continue
            try:
                done.set_result(work())
            except Exception as error:  # noqa: BLE001 - it belongs to the one who called
                done.set_exception(error)

    def _refuse_calls(self) -> None:
        for _, done in [*self._due, *self._calls]:
            if done.set_running_or_notify_cancel():
                done.set_exception(NotReady("The model was unloaded."))

    def _drop_cancelled(self) -> None:
        if not self._has_cancelled:
            return
        self._has_cancelled = False
        jobs = [*self._running.values(), *self._waiting]
        for job in [job for job in jobs if job.is_cancelled or job.is_stopped]:
            if job.sequence not in self._running:
                self._waiting.remove(job)
            self._end(job, job.generation.finish("cancelled"))

    def _admit(self) -> None:
        """First come, first served: who stands in front is never passed by one that would fit."""
        while self._waiting:
            job = self._waiting[0]
            if job.is_cancelled or job.is_stopped:
                self._waiting.popleft()
                self._end(job, job.generation.finish("cancelled"))
                continue
            try:
                if not self._runner.admit(job.sequence):
                    break
            except Exception:
                log.exception("A request could not be admitted")
                self._waiting.popleft()
                self._end(job, ModelError("The model could not take this request."))
                continue
            self._waiting.popleft()
            self._running[job.sequence] = job
            job.is_begun = True

    def _step(self) -> Step:
        began = time.monotonic()
        try:
            step = self._runner.step()
        except Exception:
            # A fault of the runner ends what runs, not the server.
            log.exception("The generation step failed")
            error = ModelError("The model failed while generating.")
            return Step(failed=[(sequence, error) for sequence in self._running])
        self.statistics.note_step(time.monotonic() - began, len(step.sampled))
        return step

    def _dispatch(self, step: Step) -> None:
        context_length = self._runner.info.context_length
        for sampled in step.sampled:
            job = self._running[sampled.sequence]
            try:
                self._accept(job, sampled, context_length)
            except Exception:
                log.exception("A token could not be taken")
                self._end(job, ModelError("The model failed while generating."))
        for sequence in step.scored:
            job = self._running[sequence]
            self._end(job, job.generation.score())
        for sequence in step.preempted:  # the youngest first, so the oldest ends up in front
            self._waiting.appendleft(self._running.pop(sequence))
        for sequence, error in step.failed:
            self._end(self._running[sequence], error)

    def _accept(self, job: Job, sampled: Sampled, context_length: int) -> None:
        events: list[Event] = []
        if not job.has_text:
            job.has_text = True
            self.statistics.note_first_token(time.monotonic() - job.submitted)
            events = job.generation.prompt_scores()
        events += job.generation.accept(sampled, context_length)
        if job.generation.is_over:
            self._end(job, events)
        elif events:
            self._send(job, events)

    def _end(self, job: Job, last: list[Event] | AppError) -> None:
        self._running.pop(job.sequence, None)
        self._runner.release(job.sequence)
        if job.is_begun:  # nothing was computed for who leaves the queue
            self.statistics.note_end(job.generation.usage)
        self._send(job, last)

    def _end_all(self, error: AppError) -> None:
        with self._condition:
            jobs = [*self._running.values(), *self._waiting, *self._arrived]
            self._arrived.clear()
        self._waiting.clear()
        for job in jobs:
            self._end(job, error)

    def _send(self, job: Job, what: list[Event] | AppError) -> None:
        if not job.is_cancelled:
            self._outbox.setdefault(job.stream.loop, []).append((job.stream, what))

    def _deliver(self) -> None:
        """One wake-up of each event loop per step, for all requests together."""
        outbox, self._outbox = self._outbox, {}
        for loop, deliveries in outbox.items():
            try:
                loop.call_soon_threadsafe(_hand_out, deliveries)
            except RuntimeError:  # the loop has ended: nobody listens any more
                log.debug("%d deliveries had no listener", len(deliveries))


def _hand_out(deliveries: list[Delivery]) -> None:
    for stream, what in deliveries:
        if isinstance(what, AppError):
            stream.fail(what)
        else:
            stream.push(what)
