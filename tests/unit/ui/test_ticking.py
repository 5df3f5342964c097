"""A beat between things that come when they come."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from modules.ui.ticking import with_ticks

pytestmark = pytest.mark.anyio


async def test_items_come_in_order_with_ticks_between() -> None:
    held = asyncio.Event()

    async def items() -> AsyncIterator[int]:
        yield 1
        await held.wait()
        yield 2

    found: list[int | None] = []
    async for item in with_ticks(items(), 0.01):
        found.append(item)
        if found.count(None) == 3:
            held.set()
    assert found[0] == 1
    assert found[-1] == 2
    assert found.count(None) >= 3


async def test_a_failure_is_told() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        raise ValueError("no")

    ticking = with_ticks(items(), 1)
    assert await anext(ticking) == 1
    with pytest.raises(ValueError, match="no"):
        await anext(ticking)


async def test_leaving_early_leaves_nothing_running() -> None:
    ended = asyncio.Event()

    async def items() -> AsyncIterator[int]:
        try:
            await asyncio.sleep(60)
            yield 1
        finally:
            ended.set()

    ticking = with_ticks(items(), 0.01)
    assert await anext(ticking) is None
    await ticking.aclose()
    assert ended.is_set()
