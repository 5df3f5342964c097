"""What happens to models, told to whoever listens: loads with their progress, and what leaves."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Literal

MAX_PENDING = 256
EventType = Literal["loading", "loaded", "failed", "unloading", "unloaded"]


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """`model` is None where no model is loaded at all. `progress` from 0 to 1, `seconds` since the load began."""

    type: EventType
    model: str | None
    progress: float | None = None
    seconds: float | None = None
    error: str | None = None


class Listener:
    """Events in their order. One who reads slowly loses progress that is out of date, and past MAX_PENDING the oldest events."""

    def __init__(self, first: Iterable[ModelEvent]) -> None:
        self._pending: deque[ModelEvent] = deque(first, maxlen=MAX_PENDING)
        self._arrived = asyncio.Event()
        self._arrived.set()
        self._is_closed = False

    def push(self, event: ModelEvent) -> None:
        last = self._pending[-1] if self._pending else None
        if last is not None and event.type == last.type == "loading" and event.model == last.model:
            self._pending.pop()
        self._pending.append(event)
        self._arrived.set()

    def close(self) -> None:
        self._is_closed = True
        self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[ModelEvent]:
        """Ends when the listener is closed, after what is pending."""
        while True:
            while self._pending:
                yield self._pending.popleft()
            if self._is_closed:
                return
            self._arrived.clear()
            await self._arrived.wait()


class ModelEvents:
    """All methods belong to the event loop, and none of them waits."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._is_closed = False

    def listen(self, first: Iterable[ModelEvent]) -> Listener:
        """`first`: what is so now. Give it back with `leave`."""
        listener = Listener(first)
        if self._is_closed:
            listener.close()
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        listener.close()

    def tell(self, event: ModelEvent) -> None:
        for listener in self._listeners:
            listener.push(event)

    def close(self) -> None:
        """For the end of the process: all listeners end."""
        self._is_closed = True
        for listener in self._listeners:
            listener.close()
