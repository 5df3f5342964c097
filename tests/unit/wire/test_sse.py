"""When keep-alive comments come between the events of a stream, and when not."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack

import anyio
import pytest
from starlette.types import Message

from extensions.openai.sse import DONE, KEEP_ALIVE, EventStreamResponse

KEEP_ALIVE_S = 0.02
LONG_S = 20 * KEEP_ALIVE_S
EVENT = b"data: {}\n\n"


async def sent_by(frames: AsyncGenerator[bytes], blocking: Sequence[bytes] = ()) -> list[bytes]:
    """Bodies in the order in which they arrive; the reader is slow to take those that are `blocking`, and all that comes behind."""
    arrived: list[bytes] = []
    reader = anyio.Lock()

    async def send(message: Message) -> None:
        body = message.get("body", b"")
        async with reader:
            if body:
                arrived.append(body)
            if body in blocking:
                await anyio.sleep(LONG_S)

    response = EventStreamResponse(frames, AsyncExitStack(), KEEP_ALIVE_S, {})
    await response({"type": "http", "method": "POST"}, anyio.sleep_forever, send)  # pyright: ignore[reportArgumentType]
    return arrived


async def silent_between() -> AsyncGenerator[bytes]:
    yield EVENT
    await anyio.sleep(LONG_S)
    yield DONE


async def at_once() -> AsyncGenerator[bytes]:
    yield EVENT
    yield DONE


@pytest.mark.anyio
async def test_comments_come_while_there_is_nothing_to_send() -> None:
    first, *comments, last = await sent_by(silent_between())
    assert (first, last) == (EVENT, DONE)
    assert len(comments) > 1
    assert set(comments) == {KEEP_ALIVE}


@pytest.mark.anyio
async def test_none_comes_behind_what_a_slow_reader_has_not_taken() -> None:
    assert await sent_by(at_once(), blocking=[EVENT, DONE]) == [EVENT, DONE]
