"""The way from a worker thread to the program's event loop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class EventLoop:
    """`remember` it once, in its own thread; `wait_for` from others."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def remember(self) -> None:
        """The one that runs in this thread; nothing where there is none."""
        self._loop = _running() or self._loop

    def wait_for(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """What async work gives; blocks until it is there. TimeoutError when it takes too long, and then it is cancelled.

        The work itself must do without `asyncio.to_thread`, whose threads may all be waiting here. RuntimeError where there is no
        event loop, or in its own thread.
        """
        if self._loop is None or self._loop is _running():
            work.close()
            raise RuntimeError("wait_for is for worker threads, beside a running event loop")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
