"""RemoteEngine: its queue, its ends and its errors, over a scripted model elsewhere."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from modules.core.errors import AppError, Busy, ModelError, NotReady, RequestError, Unsupported
from modules.core.events import Event, Finished, TextDelta, Usage
from modules.core.requests import GenerationRequest, Grammar
from modules.engine.remote_engine import RemoteEngine
from modules.loaders.base import ModelInfo
from tests.unit.engine.fake_runner import PATIENCE_S, FakeRunner

pytestmark = pytest.mark.anyio
END = Finished("stop", Usage(3, 2))


class FakeReply:
    def __init__(self, model: "FakeModel") -> None:
        self._model = model
        self.ignored = ("top_k",)
        self.usage = Usage(3, 0)

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        yield [TextDelta("a")]
        self.usage = Usage(3, 1)
        await self._model.gate.wait()
        if self._model.fault is not None:
            raise self._model.fault
        yield [TextDelta("b"), END]


class FakeModel:
    """Replies are taken when `door` is open, and end when `gate` is."""

    def __init__(self, parallel: int = 2) -> None:
        self.info = ModelInfo(
            "m", "fake", 20, parallel, 300, frozenset(("temperature",)), renders_itself=True
        )
        self.tokenizer = FakeRunner().tokenizer
        self.parallel = parallel
        self.door, self.gate = asyncio.Event(), asyncio.Event()
        self.refusal: AppError | None = None
        self.fault: Exception | None = None
        self.open = self.most = self.closed = 0
        self.door.set()
        self.gate.set()

    def check(self, request: GenerationRequest) -> None:
        if request.logprobs is not None:
            raise Unsupported("no logprobs")

    def check_grammar(self, grammar: Grammar) -> None: ...

    @asynccontextmanager
    async def reply(self, request: GenerationRequest) -> AsyncGenerator[FakeReply]:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await self.door.wait()
            if self.refusal is not None:
                raise self.refusal
            yield FakeReply(self)
        finally:
            self.open -= 1

    def close(self) -> None:
        self.closed += 1


ASK = GenerationRequest((1, 2, 3), 5, stop_id="x")


async def patiently(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, PATIENCE_S)


async def test_a_reply_is_what_the_other_server_says() -> None:
    engine = RemoteEngine(FakeModel())
    done = await patiently(engine.complete(ASK))
    assert (done.text, done.reason, done.usage) == ("ab", "stop", Usage(3, 2))
    assert engine.statistics.finished == 1
    assert engine.statistics.running == 0


async def test_it_is_taken_when_the_other_server_has_taken_it() -> None:
    model = FakeModel()
    model.door.clear()
    stream = RemoteEngine(model).submit(ASK)
    waiting = asyncio.ensure_future(stream.taken())
    await asyncio.sleep(0.01)
    assert not stream.is_taken
    assert not waiting.done()
    model.door.set()
    await patiently(waiting)
    assert stream.is_taken
    assert stream.ignored == ("top_k",)
    assert (await patiently(stream.fold())).text == "ab"


async def test_a_refusal_is_raised_by_who_waits_for_it() -> None:
    model = FakeModel()
    model.refusal = RequestError("no", param="messages")
    stream = RemoteEngine(model).submit(ASK)
    with pytest.raises(RequestError, match="no"):
        await patiently(stream.taken())
    assert [event async for event in stream] == []


async def test_a_refusal_is_raised_by_a_fold_too() -> None:
    model = FakeModel()
    model.refusal = RequestError("no")
    with pytest.raises(RequestError, match="no"):
        await patiently(RemoteEngine(model).complete(ASK))


async def test_a_fault_comes_after_what_was_said_before_it() -> None:
    model = FakeModel()
    model.fault = ModelError("broken")
    stream = RemoteEngine(model).submit(ASK)
    await patiently(stream.taken())
    assert await patiently(anext(stream)) == TextDelta("a")
    with pytest.raises(ModelError, match="broken"):
        await patiently(anext(stream))


async def test_a_fault_of_ours_is_told_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    model = FakeModel()
    model.fault = ValueError("inside")
    with pytest.raises(ModelError) as caught:
        await patiently(RemoteEngine(model).complete(ASK))
    assert "inside" not in caught.value.message
    assert "inside" in caplog.text


async def test_as_many_as_the_model_takes_are_there_at_once_and_the_rest_waits() -> None:
    model = FakeModel(parallel=2)
    model.gate.clear()
    engine = RemoteEngine(model, max_queue=3)
    streams = [engine.submit(ASK) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert (model.open, engine.statistics.running, engine.statistics.waiting) == (2, 2, 3)
    with pytest.raises(Busy):
        engine.submit(ASK)
    model.gate.set()
    done = await patiently(asyncio.gather(*(stream.fold() for stream in streams)))
    assert [each.text for each in done] == ["ab"] * 5
    assert model.most == 2


async def test_a_reader_that_leaves_ends_the_work_there() -> None:
    model = FakeModel(parallel=1)
    model.gate.clear()
    engine = RemoteEngine(model)
    running, waiting = engine.submit(ASK), engine.submit(ASK)
    await patiently(anext(running))
    await waiting.aclose()
    await running.aclose()
    await asyncio.sleep(0.01)
    assert (model.open, engine.statistics.running, engine.statistics.waiting) == (0, 0, 0)
    model.gate.set()
    assert (await patiently(engine.complete(ASK))).text == "ab"


async def test_a_stream_can_be_stopped_by_itself() -> None:
    model = FakeModel(parallel=2)
    model.gate.clear()
    engine = RemoteEngine(model)
    one, other = engine.submit(ASK), engine.submit(ASK)
    assert await patiently(anext(one)) == TextDelta("a")
    one.stop()
    assert (await patiently(one.fold())).reason == "cancelled"
    model.gate.set()
    assert (await patiently(other.fold())).text == "ab"


async def test_stopped_replies_end_with_what_they_have() -> None:
    model = FakeModel(parallel=1)
    model.gate.clear()
    engine = RemoteEngine(model)
    running, waiting = engine.submit(ASK), engine.submit(ASK)
    assert await patiently(anext(running)) == TextDelta("a")
    assert engine.stop("other") == 0
    assert engine.stop("x") == 2
    assert (await patiently(running.fold())).reason == "cancelled"
    await patiently(waiting.taken())
    done = await patiently(waiting.fold())
    assert (done.text, done.reason, done.usage) == ("", "cancelled", Usage(3, 0))


async def test_closing_ends_what_runs_and_lets_nothing_in() -> None:
    model = FakeModel()
    model.gate.clear()
    engine = RemoteEngine(model)
    stream = engine.submit(ASK)
    await patiently(anext(stream))
    await asyncio.to_thread(engine.close)
    with pytest.raises(NotReady):
        await patiently(anext(stream))
    with pytest.raises(NotReady):
        engine.submit(ASK)
    assert (model.open, model.closed) == (0, 1)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (GenerationRequest((), 5), RequestError),
        (GenerationRequest((1,) * 21, 5), RequestError),
        (GenerationRequest((300,), 5), RequestError),
        (GenerationRequest((1,), 5, logprobs=1), Unsupported),
    ],
)
async def test_what_is_known_here_is_refused_here(
    request_: GenerationRequest, error: type[AppError]
) -> None:
    engine = RemoteEngine(FakeModel())
    with pytest.raises(error):
        engine.submit_all([ASK, request_])
    assert engine.stop() == 0


async def test_nothing_is_sent_where_nothing_is_asked_for() -> None:
    model = FakeModel()
    done = await patiently(RemoteEngine(model).complete(GenerationRequest((1, 2), 0)))
    assert (done.reason, done.usage, model.most) == ("length", Usage(2, 0), 0)


async def test_a_reply_that_is_stopped_before_its_first_step_ends() -> None:
    """Its task is cancelled before a line of it has run."""
    engine = RemoteEngine(FakeModel())
    stream = engine.submit(ASK)
    assert engine.stop("x") == 1
    assert (await patiently(stream.fold())).reason == "cancelled"
    assert await patiently(engine.complete(ASK))
