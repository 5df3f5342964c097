"""The results of one job on their way from a worker's thread to an asyncio task."""

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import Any, Generic, Self, TypeVar

from modules.core.jobs import Job

T = TypeVar("T")


class JobStream(Generic[T]):
    """An async iterator that ends when the job does, or raises what it raised. Closing it cancels the job."""

    def __init__(self, loop: asyncio.AbstractEventLoop, job: Job) -> None:
        self.job = job
        self._loop = loop
        self._items: deque[T] = deque()
        self._news = asyncio.Event()
        self._outcome: Future[Any] | None = None
        self._is_closed = False

    def send(self, item: T) -> None:
        """From the worker's thread. Cancelled when nobody reads any more."""
        self.job.check()
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._push, item)

    def end(self, outcome: Future[Any]) -> None:
        """From the worker's thread, once the job is over."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finish, outcome)

    def _push(self, item: T) -> None:
        if not self._is_closed:
            self._items.append(item)
            self._news.set()

    def _finish(self, outcome: Future[Any]) -> None:
        self._outcome = outcome
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._is_closed:
                raise StopAsyncIteration
            if self._outcome is not None:
                self._is_closed = True
                self._outcome.result()
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._items.popleft()

    async def aclose(self) -> None:
        self._is_closed = True
        self._items.clear()
        if self._outcome is None:
            self.job.cancel()
        self._news.set()
