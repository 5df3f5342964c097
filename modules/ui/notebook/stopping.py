"""How a text that is being written is ended from outside."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from modules.replies.streams import ReplyStream

T = TypeVar("T")

PATIENCE_S = 2.0
"""How long a reply that was stopped may take to end by itself: an extension may be at a piece for as long as it likes."""


class GivenUp(Exception):
    """It was stopped, and what was waited for did not come."""


class Stopping:
    """Of one text, in one event loop. `stream`: of its reply, once there is one."""

    def __init__(self) -> None:
        self.is_stopped = False
        self._stream: ReplyStream | None = None
        self._ends: float | None = None
        self._bound: asyncio.Timeout | None = None

    def stop(self) -> None:
        """What there is stays, and what is held back of it comes still; before there is a reply, none begins."""
        if self.is_stopped:
            return
        self.is_stopped = True
        self._ends = asyncio.get_running_loop().time()
        if self._stream is not None:
            self._stream.stop()
            self._ends += PATIENCE_S
        if self._bound is not None:
            self._bound.reschedule(self._ends)

    def follow(self, stream: ReplyStream) -> None:
        """From now on this is what ends."""
        self._stream = stream

    async def wait(self, work: Awaitable[T]) -> T:
        """GivenUp where it takes too long after a stop; the work is cancelled then."""
        try:
            async with asyncio.timeout_at(self._ends) as self._bound:
                return await work
        except TimeoutError:
            if self._bound is not None and self._bound.expired():
                raise GivenUp from None
            raise
        finally:
            self._bound = None
