"""What a face reads a reply from, whoever makes it."""

from collections.abc import AsyncIterator
from typing import Protocol

from modules.core.events import Completion, Event


class ReplyStream(Protocol):
    """Events that end after Finished, as of `modules.engine.stream.EventStream`. Closing it cancels the reply."""

    @property
    def is_taken(self) -> bool:
        """The request was let in, which only another server may have to decide."""
        ...

    @property
    def ignored(self) -> tuple[str, ...]:
        """Names of fields that such a server says have no effect."""
        ...

    async def taken(self) -> None:
        """Returns when the request is let in; raises the error when it is not."""
        ...

    def __aiter__(self) -> AsyncIterator[Event]: ...

    async def __anext__(self) -> Event: ...

    async def batch(self) -> list[Event]:
        """At least the next event, and with it all that have arrived; [] at the end."""
        ...

    def stop(self) -> None:
        """End the reply early: what there is of it comes still, then Finished with `cancelled`."""
        ...

    async def aclose(self) -> None: ...

    async def fold(self) -> Completion:
        """The whole reply."""
        ...
