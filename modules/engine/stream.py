"""The events of one request on their way from the engine's thread to an asyncio task."""

import asyncio
from collections import deque
from collections.abc import Callable

from modules.core.errors import AppError
from modules.core.events import Completion, Event, Finished
from modules.engine.folding import fold


class EventStream:
    """An async iterator of events that ends after Finished. Closing it cancels the request.

    `cancel` is called when a reader leaves early, `on_end` once in any case. `push` and `fail` are called in the event loop's thread, by one callback per step for all streams.
    `is_taken`: the request was let in, and it has to be known at once unless another server decides it. `ignored`: names of fields that
    such a server says have no effect.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        cancel: Callable[[], None],
        *,
        stop: Callable[[], None] | None = None,
        is_taken: bool = True,
    ) -> None:
        self.loop = loop
        self.is_taken = is_taken
        self.ignored: tuple[str, ...] = ()
        self._cancel = cancel
        self._stop = stop or cancel
        self._events: deque[Event | AppError] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._is_over = False
        self.on_end: Callable[[], object] | None = None

    def push(self, events: list[Event]) -> None:
        self._events.extend(events)
        if events and isinstance(events[-1], Finished):
            self._end()
        self._wake()

    def take(self, ignored: tuple[str, ...] = ()) -> None:
        self.is_taken, self.ignored = True, ignored
        self._wake()

    def fail(self, error: AppError) -> None:
        self._events.append(error)
        self._end()
        self._wake()

    def _end(self) -> None:
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def taken(self) -> None:
        """Returns when the request is let in; raises the error when it is not."""
        while not (self.is_taken or self._events or self._is_over):
            self._waiter = self.loop.create_future()
            await self._waiter
        if self._events and not self.is_taken and isinstance(error := self._events[0], AppError):
            self._is_over = True
            raise error

    def __aiter__(self) -> "EventStream":
        return self

    async def __anext__(self) -> Event:
        if self._is_over:
            raise StopAsyncIteration
        while not self._events:
            self._waiter = self.loop.create_future()
            await self._waiter
            if self._is_over:  # closed meanwhile
                raise StopAsyncIteration
        event = self._events.popleft()
        if isinstance(event, AppError):
            self._is_over = True
            raise event
        if isinstance(event, Finished):
            self._is_over = True
        return event

    def stop(self) -> None:
        """End the reply early: what there is of it comes still, then Finished with `cancelled`."""
        if not self._is_over:
            self._stop()

    async def batch(self) -> list[Event]:
        """At least the next event, and with it all that have arrived; [] at the end."""
        events: list[Event] = []
        async for event in self:
            events.append(event)
            if self._is_over or not self._events or isinstance(self._events[0], AppError):
                break
        return events

    async def aclose(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._end()
            self._cancel()
            self._wake()

    async def fold(self) -> Completion:
        """The whole reply; cancelling this cancels the request."""
        return await fold(self)
