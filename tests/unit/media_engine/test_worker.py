"""One model, one thread: order, results in pieces, cancelling, a full queue, failures."""

import asyncio
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from modules.core.errors import Busy, Cancelled, ModelError, NotReady, RequestError
from modules.core.jobs import Job
from modules.core.vectors import BatchLimits, EncodedText
from modules.engine.media.step_thread import Steps
from modules.engine.media.worker import Worker
from tests.unit.media_engine.fake_model import PATIENCE_S, FakeModel, Gate

pytestmark = pytest.mark.anyio


@pytest.fixture
async def worker() -> AsyncIterator[Worker[FakeModel]]:
    worker: Worker[FakeModel] = Worker("fake", max_queue=2)
    await worker.load(lambda: FakeModel("fake", {}))
    yield worker
    worker.stop()
    worker.close()
    await asyncio.wait_for(worker.closed.wait(), PATIENCE_S)


async def begun(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.begun.wait, PATIENCE_S)


async def test_all_jobs_run_in_one_thread_which_also_closes_the_model() -> None:
    worker: Worker[FakeModel] = Worker("fake")
    await worker.load(lambda: FakeModel("fake", {}))
    model = worker.model
    results = await asyncio.gather(
        *(worker.run(lambda model, _, n=n: model.double(n)) for n in range(20))
    )
    assert results == [2 * n for n in range(20)]
    worker.close()
    worker.close()
    await asyncio.wait_for(worker.closed.wait(), PATIENCE_S)
    assert model.is_closed
    assert len(model.threads) == 1


async def test_what_comes_after_the_end_is_refused(worker: Worker[FakeModel]) -> None:
    worker.close()
    with pytest.raises(NotReady):
        await worker.run(lambda model, _: model.double(1))


async def test_a_stream_brings_results_before_the_job_is_done(worker: Worker[FakeModel]) -> None:
    gate = Gate()

    def work(model: FakeModel, job: Job, send: Callable[[int], None]) -> None:
        send(model.double(1))
        gate(model, job)
        send(model.double(2))

    stream = worker.stream(work)
    assert await anext(stream) == 2
    gate.may_go_on.set()
    assert [item async for item in stream] == [4]
    assert await anext(stream, "over") == "over"


async def test_a_stream_raises_what_the_job_raised_after_its_items(
    worker: Worker[FakeModel],
) -> None:
    def work(model: FakeModel, job: Job, send: Callable[[int], None]) -> None:
        send(1)
        raise RequestError("no more")

    stream = worker.stream(work)
    assert await anext(stream) == 1
    with pytest.raises(RequestError, match="no more"):
        await anext(stream)
    assert [item async for item in stream] == []


async def test_closing_a_stream_ends_its_job(worker: Worker[FakeModel]) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(model: FakeModel, job: Job, send: Callable[[int], None]) -> None:
        try:
            while True:
                send(1)
        finally:
            loop.call_soon_threadsafe(ended.set)

    stream = worker.stream(work)
    await anext(stream)
    await stream.aclose()
    await asyncio.wait_for(ended.wait(), PATIENCE_S)
    assert [item async for item in stream] == []
    assert await worker.run(lambda model, _: model.double(4)) == 8
    assert worker.statistics.failed == 0


async def test_whoever_leaves_cancels_what_runs_and_what_waits(worker: Worker[FakeModel]) -> None:
    gate = Gate()
    running = asyncio.ensure_future(worker.run(gate))
    await begun(gate)
    called: list[int] = []
    waiting = asyncio.ensure_future(worker.run(lambda model, _: called.append(1)))
    await asyncio.sleep(0)
    assert (worker.statistics.running, worker.statistics.waiting) == (1, 1)
    for task in (running, waiting):
        task.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    gate.may_go_on.set()
    assert await worker.run(lambda model, _: model.double(3)) == 6
    assert called == []
    assert worker.jobs == []
    assert (worker.statistics.running, worker.statistics.waiting) == (0, 0)


async def test_stop_ends_the_job_of_that_id_only(worker: Worker[FakeModel]) -> None:
    gate = Gate()
    first = asyncio.ensure_future(worker.run(gate, Job("a")))
    await begun(gate)
    second = asyncio.ensure_future(worker.run(lambda model, _: model.double(1), Job("b")))
    await asyncio.sleep(0)
    assert worker.stop("c") == 0
    assert worker.stop("a") == 1
    gate.may_go_on.set()
    with pytest.raises(Cancelled):
        await first
    assert await second == 2


async def test_a_full_queue_is_busy_and_says_for_how_long(worker: Worker[FakeModel]) -> None:
    gate = Gate()
    tasks = [asyncio.ensure_future(worker.run(gate))]
    await begun(gate)
    tasks += [asyncio.ensure_future(worker.run(gate)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Busy) as caught:
        worker.stream(lambda model, job, send: None)
    assert 1 <= caught.value.retry_after_s <= 60
    gate.may_go_on.set()
    assert await asyncio.gather(*tasks) == ["fake"] * 3


async def test_a_fault_of_the_library_is_an_error_without_its_text(
    worker: Worker[FakeModel], caplog: pytest.LogCaptureFixture
) -> None:
    def work(model: FakeModel, job: Job) -> Any:
        raise RuntimeError("secret words")

    with pytest.raises(ModelError) as caught:
        await worker.run(work)
    assert "secret" not in caught.value.message
    assert "fake failed" in caplog.text
    assert worker.statistics.failed == 1
    assert await worker.run(lambda model, _: model.double(2)) == 4
    assert worker.statistics.finished == 1
    assert worker.statistics.job.count == 2


async def test_progress_is_seen_while_the_job_runs(worker: Worker[FakeModel]) -> None:
    gate = Gate()

    def work(model: FakeModel, job: Job) -> None:
        job.note(3, 10)
        gate(model, job)

    task = asyncio.ensure_future(worker.run(work, Job("x")))
    await begun(gate)
    (job,) = worker.jobs
    assert (job.stop_id, job.is_running, job.done, job.total) == ("x", True, 3, 10)
    gate.may_go_on.set()
    await task


async def test_what_is_prepared_does_not_wait_for_the_models_thread(
    worker: Worker[FakeModel],
) -> None:
    gate = Gate()
    running = asyncio.ensure_future(worker.run(gate))
    await begun(gate)
    assert await worker.prepare(lambda model, _: model.double(4)) == 8
    gate.may_go_on.set()
    await running


async def test_a_model_is_freed_after_what_still_prepares_with_it() -> None:
    worker: Worker[FakeModel] = Worker("fake")
    await worker.load(lambda: FakeModel("fake", {}))
    model, gate = worker.model, Gate()
    seen: list[bool] = []

    def work(model: FakeModel, job: Job) -> None:
        gate.begun.set()
        assert gate.may_go_on.wait(PATIENCE_S)
        seen.append(model.is_closed)

    preparing = asyncio.ensure_future(worker.prepare(work))
    await begun(gate)
    preparing.cancel()
    await asyncio.sleep(0)
    preparing.cancel()
    worker.close()
    await asyncio.sleep(0.05)
    assert not preparing.done(), "whoever leaves keeps the model until the thread has let go of it"
    assert not model.is_closed
    gate.may_go_on.set()
    await asyncio.wait_for(worker.closed.wait(), PATIENCE_S)
    with pytest.raises(asyncio.CancelledError):
        await preparing
    assert (seen, model.is_closed) == ([False], True)
    with pytest.raises(NotReady):
        await worker.prepare(lambda model, _: model.double(1))
    with pytest.raises(NotReady):
        _ = worker.model


async def test_closing_ends_what_has_steps_left(worker: Worker[FakeModel]) -> None:
    gate = Gate()

    def endless(model: FakeModel, job: Job) -> Steps[None]:
        while True:
            gate(model, job)
            yield

    preparing = asyncio.ensure_future(worker.prepare_in_steps(endless))
    await begun(gate)
    worker.close()
    gate.may_go_on.set()
    with pytest.raises(NotReady):
        await preparing
    await asyncio.wait_for(worker.closed.wait(), PATIENCE_S)


async def test_steps_of_several_take_turns(worker: Worker[FakeModel]) -> None:
    order: list[str] = []

    def long(model: FakeModel, job: Job) -> Steps[int]:
        for _ in range(100):
            yield
            order.append("long")
        return model.double(1)

    def short(model: FakeModel, job: Job) -> int:
        order.append("short")
        return model.double(2)

    both = worker.prepare_in_steps(long), worker.prepare(short)
    assert await asyncio.gather(*both) == [2, 4]
    assert order.index("short") < 5
    assert order.count("long") == 100


async def test_what_is_prepared_is_a_job_that_can_be_stopped(worker: Worker[FakeModel]) -> None:
    gate = Gate()

    def endless(model: FakeModel, job: Job) -> Steps[None]:
        while True:
            gate(model, job)
            yield

    job = Job("a")
    preparing = asyncio.ensure_future(worker.prepare_in_steps(endless, job))
    await begun(gate)
    assert worker.jobs == [job]
    assert worker.statistics.waiting == 1
    assert worker.stop("a") == 1
    gate.may_go_on.set()
    with pytest.raises(Cancelled):
        await preparing
    assert worker.jobs == []
    assert (worker.statistics.running, worker.statistics.waiting) == (0, 0)


async def test_preparing_counts_for_a_full_queue(worker: Worker[FakeModel]) -> None:
    gate = Gate()
    tasks = [asyncio.ensure_future(worker.prepare(gate)) for _ in range(3)]
    await begun(gate)
    with pytest.raises(Busy):
        await worker.prepare(gate)
    gate.may_go_on.set()
    assert await asyncio.gather(*tasks) == ["fake"] * 3


async def test_one_job_may_have_several_parts(worker: Worker[FakeModel]) -> None:
    def compute(model: FakeModel, items: Sequence[EncodedText]) -> list[int]:
        return [model.double(item.size) for item in items]

    job = Job("a")
    texts = [EncodedText(array("i", [1, 2]))]
    for _ in range(2):
        assert await worker.prepare(lambda model, _: model.double(1), job) == 2
        assert await worker.run_together(compute, texts, BatchLimits(), job) == [4]
    assert await worker.run(lambda model, _: model.double(3), job) == 6
    await asyncio.sleep(0.05)  # the end of a run is told to the loop later
    statistics = worker.statistics
    assert (statistics.running, statistics.waiting, statistics.finished) == (0, 0, 3)


async def test_a_fault_while_preparing_is_an_error_without_its_text(
    worker: Worker[FakeModel], caplog: pytest.LogCaptureFixture
) -> None:
    def work(model: FakeModel, job: Job) -> Any:
        raise RuntimeError("secret words")

    with pytest.raises(ModelError) as caught:
        await worker.prepare(work)
    assert "secret" not in caught.value.message
    assert "fake failed" in caplog.text
    assert worker.jobs == []
