"""Worker threads that wait for async work."""

import asyncio

import pytest

from modules.core.event_loop import EventLoop

pytestmark = pytest.mark.anyio


async def answer(seconds: float = 0.0) -> int:
    await asyncio.sleep(seconds)
    return 42


async def test_a_thread_gets_the_answer() -> None:
    loop = EventLoop()
    loop.remember()
    assert await asyncio.to_thread(lambda: loop.wait_for(answer())) == 42


async def test_what_takes_too_long_is_cancelled() -> None:
    loop = EventLoop()
    loop.remember()
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        await asyncio.to_thread(lambda: loop.wait_for(work(), 0.01))
    await ended.wait()


async def test_the_loop_itself_cannot_wait() -> None:
    loop = EventLoop()
    loop.remember()
    with pytest.raises(RuntimeError):
        loop.wait_for(answer())


async def test_without_a_loop_nobody_can_wait() -> None:
    loop = EventLoop()
    await asyncio.to_thread(loop.remember)
    with pytest.raises(RuntimeError):
        await asyncio.to_thread(lambda: loop.wait_for(answer()))
