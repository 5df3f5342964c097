"""Several replies of one request, read as one stream."""

import asyncio
from collections.abc import AsyncGenerator

from modules.core.events import Event, Finished
from modules.replies.streams import ReplyStream


async def merge(streams: list[ReplyStream]) -> AsyncGenerator[tuple[int, Event]]:
    """(index of the stream, event) as they come. The first error ends all; closing cancels all."""
    if len(streams) == 1:
        try:
            async for event in streams[0]:
                yield 0, event
        finally:
            await streams[0].aclose()
        return
    arrived: asyncio.Queue[tuple[int, Event | Exception]] = asyncio.Queue()
    pumps = [asyncio.ensure_future(_pump(i, stream, arrived)) for i, stream in enumerate(streams)]
    try:
        running = len(streams)
        while running:
            index, event = await arrived.get()
            if isinstance(event, Exception):
                raise event
            running -= isinstance(event, Finished)
            yield index, event
    finally:
        for pump in pumps:
            pump.cancel()
        for stream in streams:
            await stream.aclose()


async def _pump(
    index: int, stream: ReplyStream, arrived: asyncio.Queue[tuple[int, Event | Exception]]
) -> None:
    try:
        async for event in stream:
            arrived.put_nowait((index, event))
    except Exception as error:  # noqa: BLE001 - raised again by the reader
        arrived.put_nowait((index, error))
