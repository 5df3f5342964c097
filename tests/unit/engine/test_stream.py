"""EventStream: from callbacks to an async iterator."""

import asyncio

import pytest

from modules.core.errors import ModelError
from modules.core.events import Finished, PromptScored, TextDelta, Usage
from modules.engine.stream import EventStream
from tests.unit.engine.fake_runner import PATIENCE_S

pytestmark = pytest.mark.anyio
END = Finished("stop", Usage(1, 2), "x")


class Watched:
    """A stream, and how often it told of its cancelling and its end."""

    def __init__(self) -> None:
        self.cancels = self.ends = 0
        self.stream = EventStream(asyncio.get_running_loop(), cancel=self._cancel)
        self.stream.on_end = self._end

    def _cancel(self) -> None:
        self.cancels += 1

    def _end(self) -> None:
        self.ends += 1


async def test_events_come_in_order_and_the_stream_ends_after_finished() -> None:
    watched = Watched()
    watched.stream.push([TextDelta("a"), TextDelta("b")])
    watched.stream.push([END])
    assert [event async for event in watched.stream] == [TextDelta("a"), TextDelta("b"), END]
    with pytest.raises(StopAsyncIteration):
        await anext(watched.stream)
    await watched.stream.aclose()
    assert (watched.cancels, watched.ends) == (0, 1)


async def test_who_waits_is_woken() -> None:
    watched = Watched()
    waiting = asyncio.create_task(anext(watched.stream))
    await asyncio.sleep(0)
    watched.stream.push([TextDelta("a")])
    assert await asyncio.wait_for(waiting, PATIENCE_S) == TextDelta("a")


async def test_an_error_comes_after_the_text_before_it_and_ends_the_stream() -> None:
    watched = Watched()
    watched.stream.push([TextDelta("a")])
    watched.stream.fail(ModelError("broken"))
    assert await anext(watched.stream) == TextDelta("a")
    with pytest.raises(ModelError, match="broken"):
        await anext(watched.stream)
    with pytest.raises(StopAsyncIteration):
        await anext(watched.stream)
    assert (watched.cancels, watched.ends) == (0, 1)


async def test_closing_early_cancels_once() -> None:
    watched = Watched()
    watched.stream.push([TextDelta("a")])
    await watched.stream.aclose()
    await watched.stream.aclose()
    assert (watched.cancels, watched.ends) == (1, 1)
    watched.stream.push([END])  # one that was under way
    assert [event async for event in watched.stream] == []


async def test_a_reader_that_waits_is_let_go_when_the_stream_is_closed() -> None:
    watched = Watched()
    waiting = asyncio.create_task(anext(watched.stream, None))
    await asyncio.sleep(0)
    await watched.stream.aclose()
    for _ in range(5):
        await asyncio.sleep(0)
    is_done = waiting.done()
    waiting.cancel()
    assert is_done
    assert waiting.result() is None


async def test_a_reader_that_is_cancelled_leaves_the_stream_readable() -> None:
    watched = Watched()
    waiting = asyncio.create_task(anext(watched.stream))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    watched.stream.push([END])
    assert await anext(watched.stream) == END


async def test_folding_keeps_everything() -> None:
    watched = Watched()
    watched.stream.push([PromptScored(()), TextDelta("a"), TextDelta("b"), END])
    done = await watched.stream.fold()
    assert (done.text, done.reason, done.stop_string) == ("ab", "stop", "x")
    assert done.usage == Usage(1, 2)
    assert watched.cancels == 0


async def test_cancelling_a_fold_cancels_the_request() -> None:
    watched = Watched()
    folding = asyncio.create_task(watched.stream.fold())
    await asyncio.sleep(0)
    folding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await folding
    assert (watched.cancels, watched.ends) == (1, 1)


async def test_a_fold_raises_the_streams_error_and_cancels_nothing() -> None:
    watched = Watched()
    watched.stream.fail(ModelError("broken"))
    with pytest.raises(ModelError):
        await watched.stream.fold()
    assert watched.cancels == 0


async def test_a_batch_is_all_that_has_arrived() -> None:
    watched = Watched()
    watched.stream.push([TextDelta("a"), TextDelta("b")])
    assert await watched.stream.batch() == [TextDelta("a"), TextDelta("b")]
    waiting = asyncio.create_task(watched.stream.batch())
    await asyncio.sleep(0)
    watched.stream.push([TextDelta("c"), END])
    assert await asyncio.wait_for(waiting, PATIENCE_S) == [TextDelta("c"), END]
    assert await watched.stream.batch() == []


async def test_an_error_comes_after_the_batch_before_it() -> None:
    watched = Watched()
    watched.stream.push([TextDelta("a")])
    watched.stream.fail(ModelError("broken"))
    assert await watched.stream.batch() == [TextDelta("a")]
    with pytest.raises(ModelError, match="broken"):
        await watched.stream.batch()


async def test_stopping_one_that_is_over_does_nothing() -> None:
    watched = Watched()
    watched.stream.stop()
    assert watched.cancels == 1  # where there is no other way to stop it
    watched.stream.push([END])
    await watched.stream.fold()
    watched.stream.stop()
    assert watched.cancels == 1
