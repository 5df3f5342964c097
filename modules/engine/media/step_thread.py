"""What may be done beside a model's own thread, such as tokenizing: in one other thread, request after request in turn."""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from modules.core.errors import NotReady
from modules.core.jobs import Job

R = TypeVar("R")

Steps = Generator[None, None, R]
"""Work that lets others have their turn at each `yield`, and returns its result."""


class StepThread:
    """Runs the steps of several works by turns, so that none waits for more than one step of each other.

    All methods but `close` belong to the event loop.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"steps-{name}")
        self._is_closed = False

    async def run(self, steps: Steps[R], job: Job) -> R:
        """The job is looked at before each step. Cancelling this cancels it, and returns only when no step runs any more."""
        found: list[R] = []
        while not found:
            if self._is_closed:
                raise NotReady("The model is being unloaded.")
            await _ended(self._thread.submit(_take_step, steps, job, found.append), job)
        return found[0]

    def refuse(self) -> None:
        """No step begins after this, but for those that wait already."""
        self._is_closed = True

    def close(self) -> None:
        """After `refuse`. Blocking, from any thread: returns when no step runs any more."""
        self._thread.shutdown(wait=True)


def run_steps(steps: Steps[R]) -> R:
    """All at once, in this thread."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def in_one_step(work: Callable[[], R]) -> Steps[R]:
    yield
    return work()


def _take_step(steps: Steps[R], job: Job, send: Callable[[R], object]) -> None:
    job.check()
    try:
        next(steps)
    except StopIteration as end:
        send(end.value)


async def _ended(step: Future[None], job: Job) -> None:
    """A thread cannot be interrupted: who is cancelled here waits for the step's end, since it reads the model."""
    waiting: asyncio.Future[Any] = asyncio.wrap_future(step)
    try:
        await asyncio.shield(waiting)
    except asyncio.CancelledError:
        job.cancel()
        step.cancel()  # if it has not begun
        while not step.done():
            try:
                await asyncio.wait([waiting])
            except asyncio.CancelledError:
                continue
        if not waiting.cancelled():
            waiting.exception()  # nobody asks for it any more
        raise
