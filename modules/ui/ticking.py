"""Things that come when they come, with a beat between them to say how far it is."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_END: Any = object()


async def with_ticks(items: AsyncIterator[T], every_s: float) -> AsyncGenerator[T | None]:
    """Each item as it comes, and None whenever none came for so long. Closing it does not close `items`."""
    coming: asyncio.Future[T] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next(items))
            done, _ = await asyncio.wait({coming}, timeout=every_s)
            if not done:
                yield None
                continue
            item = coming.result()
            coming = None
            if item is _END:
                return
            yield item
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await coming


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items, _END)
