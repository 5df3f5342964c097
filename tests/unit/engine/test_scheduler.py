"""The generation loop: order, limits, cancelling, failures and the end, with a scripted runner."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from modules.core.errors import AppError, Busy, ModelError, NotReady
from modules.core.events import Completion, Finished
from modules.engine import scheduler as scheduler_module
from modules.engine.engine import Engine
from modules.engine.generation import Generation
from modules.engine.scheduler import Job, Scheduler
from modules.loaders.base import Sequence
from tests.unit.engine.fake_runner import BROKEN, PATIENCE_S, FakeRunner, ask

pytestmark = pytest.mark.anyio
Serve = Callable[..., Engine]


async def patiently(awaitable: Any) -> Any:
    """What hangs is a failure, not a test that never ends."""
    return await asyncio.wait_for(awaitable, PATIENCE_S)


async def outcomes(*streams: Any) -> list[Completion | AppError]:
    folds = (stream.fold() for stream in streams)
    return await patiently(asyncio.gather(*folds, return_exceptions=True))


async def step_of(runner: FakeRunner) -> None:
    await asyncio.to_thread(runner.wait_for_step)


async def test_replies_of_many_requests_do_not_mix(serve: Serve) -> None:
    replies = {f"q{number}": f"answer {number}" * 3 for number in range(20)}
    engine = serve(FakeRunner(replies, slots=4))
    done = await outcomes(*(engine.submit(ask(prompt)) for prompt in replies))
    assert [completion.text for completion in done] == list(replies.values())
    assert {completion.reason for completion in done} == {"stop"}


async def test_who_comes_first_is_served_first(serve: Serve) -> None:
    runner = FakeRunner(slots=2)
    engine = serve(runner)
    prompts = [f"p{number}" for number in range(9)]
    await outcomes(*(engine.submit(ask(prompt)) for prompt in prompts))
    assert runner.admitted == prompts


async def test_who_stands_in_front_is_not_passed_by_one_that_would_fit(serve: Serve) -> None:
    runner = FakeRunner({"a": "x" * 50}, slots=3)
    engine = serve(runner)
    runner.refused = {"large"}
    with runner.paused():
        first = engine.submit(ask("a"))
        await step_of(runner)
        large, small = engine.submit(ask("large")), engine.submit(ask("small"))
        for _ in range(3):
            runner.let_one_step_pass()
            await step_of(runner)
        assert runner.admitted == ["a"]
        runner.refused = set()
    await outcomes(first, large, small)
    assert runner.admitted == ["a", "large", "small"]


async def test_everything_of_a_runner_happens_in_one_thread(serve: Serve) -> None:
    runner = FakeRunner()
    engine = serve(runner)
    await outcomes(*(engine.submit(ask(prompt)) for prompt in "abc"))
    await asyncio.to_thread(engine.close)
    assert runner.is_closed
    assert len(runner.threads) == 1
    assert threading.get_ident() not in runner.threads


# -- the queue -------------------------------------------------------------------------------


async def test_a_full_queue_refuses_with_a_time_to_try_again(serve: Serve) -> None:
    runner = FakeRunner(slots=1)
    engine = serve(runner, max_queue=2)
    with runner.paused():
        streams = [engine.submit(ask("runs"))]
        await step_of(runner)
        streams += [engine.submit(ask("waits")), engine.submit(ask("waits too"))]
        with pytest.raises(Busy) as caught:
            engine.submit(ask("too many"))
        assert caught.value.retry_after_s >= 1
    done = await outcomes(*streams)
    assert [completion.text for completion in done] == ["ok"] * 3
    again = await outcomes(engine.submit(ask("now there is room")))
    assert again[0].text == "ok"
    assert "too many" not in runner.admitted


async def test_without_a_queue_there_is_still_a_place_for_each_slot(serve: Serve) -> None:
    runner = FakeRunner(slots=2)
    engine = serve(runner, max_queue=0)
    with runner.paused():
        streams = [engine.submit(ask("a")), engine.submit(ask("b"))]
        with pytest.raises(Busy):
            engine.submit(ask("c"))
    await outcomes(*streams)


# -- cancelling ------------------------------------------------------------------------------


async def test_cancelling_a_running_request_frees_its_slot_for_the_next(serve: Serve) -> None:
    runner = FakeRunner({"endless": "x"}, slots=1, endless=["endless"])
    engine = serve(runner)
    endless = engine.submit(ask("endless", 10**9))
    waiting = engine.submit(ask("next"))
    async for _ in endless:
        break
    await endless.aclose()
    assert (await outcomes(waiting))[0].text == "ok"
    assert runner.released == ["endless", "next"]


async def test_a_request_that_is_cancelled_in_the_queue_never_runs(serve: Serve) -> None:
    runner = FakeRunner(slots=1)
    engine = serve(runner)
    with runner.paused():
        first = engine.submit(ask("first"))
        await step_of(runner)
        gone, last = engine.submit(ask("gone")), engine.submit(ask("last"))
        await gone.aclose()
    ran = await outcomes(first, last)
    assert runner.admitted == ["first", "last"]
    assert engine.statistics.finished == 2
    read = sum(done.usage.prompt_tokens for done in ran if isinstance(done, Completion))
    assert engine.statistics.prompt_tokens == read > 0


async def test_a_request_that_is_cancelled_as_it_arrives_never_runs() -> None:
    """Submit and cancel both fall between the loop's taking of arrivals and its look at cancelled ones."""
    runner = FakeRunner({"endless": "x"}, slots=2, endless=["endless"])
    scheduler = Scheduler(runner, max_queue=9)
    late = _job(runner, "endless", RecordingStream())
    take_arrivals = scheduler._take_arrivals

    def take_then_be_overtaken() -> bool:
        goes_on = take_arrivals()
        if not submitted.is_set():
            submitted.set()
            scheduler.submit([late])
            late.is_cancelled = True
            scheduler.drop_cancelled()
        return goes_on

    submitted = threading.Event()
    scheduler._take_arrivals = take_then_be_overtaken
    try:
        for prompt in ("wakes", "ends"):
            stream = RecordingStream()
            scheduler.submit([_job(runner, prompt, stream)])
            await patiently(stream.ended.wait())
        assert submitted.is_set()
        assert "endless" not in runner.admitted
    finally:
        await asyncio.to_thread(scheduler.close)


async def test_stopping_ends_running_and_waiting_requests_with_what_they_have(
    serve: Serve,
) -> None:
    runner = FakeRunner({"endless": "ab"}, slots=1, endless=["endless"])
    engine = serve(runner)
    running, waiting = engine.submit(ask("endless", 10**9)), engine.submit(ask("never"))
    seen = await patiently(anext(running))
    assert engine.stop() == 2
    done = await outcomes(running, waiting)
    assert [completion.reason for completion in done] == ["cancelled", "cancelled"]
    assert (seen.text + done[0].text).startswith("a")
    assert done[0].usage.completion_tokens == len(seen.text + done[0].text)
    assert done[1].usage.completion_tokens == 0
    assert runner.admitted == ["endless"]


async def test_cancelling_while_the_engine_closes_hurts_nobody(serve: Serve) -> None:
    runner = FakeRunner(slots=1)
    engine = serve(runner)
    with runner.paused():
        running, waiting = engine.submit(ask("runs")), engine.submit(ask("waits"))
        await step_of(runner)
        closing = asyncio.create_task(asyncio.to_thread(engine.close))
        await running.aclose()
        await waiting.aclose()
    await patiently(closing)
    assert runner.is_closed
    assert not runner.held


# -- failures --------------------------------------------------------------------------------


async def test_a_failing_step_ends_what_ran_and_serving_goes_on(serve: Serve) -> None:
    runner = FakeRunner(slots=2)
    engine = serve(runner)
    runner.fail_in_step = [RuntimeError("secret detail")]
    with runner.paused():
        streams = [engine.submit(ask(prompt)) for prompt in ("a", "b", "later")]
        await step_of(runner)
    done = await outcomes(*streams)
    failed = [result for result in done if isinstance(result, ModelError)]
    assert 1 <= len(failed) <= 2  # b may have come after the step began
    assert all("secret" not in error.message for error in failed)
    assert done[2].text == "ok"
    assert not runner.held


async def test_a_request_that_cannot_be_admitted_fails_alone(serve: Serve) -> None:
    runner = FakeRunner(slots=1)
    runner.fail_in_admit = {"bad": RuntimeError("secret detail")}
    engine = serve(runner)
    done = await outcomes(*(engine.submit(ask(prompt)) for prompt in ("a", "bad", "b")))
    assert [getattr(result, "text", None) for result in done] == ["ok", None, "ok"]
    assert isinstance(done[1], ModelError)
    assert "secret" not in done[1].message


async def test_a_request_that_fails_in_a_step_fails_alone(serve: Serve) -> None:
    runner = FakeRunner(slots=3)
    runner.fail_next = {"bad": ModelError("The grammar failed.")}
    engine = serve(runner)
    done = await outcomes(*(engine.submit(ask(prompt)) for prompt in ("a", "bad", "b")))
    assert isinstance(done[1], ModelError)
    assert done[1].message == "The grammar failed."
    assert [done[0].text, done[2].text] == ["ok", "ok"]
    assert not runner.held


async def test_a_token_without_text_ends_its_request_and_serving_goes_on(serve: Serve) -> None:
    runner = FakeRunner({"bad": [ord("x"), BROKEN, ord("y")]}, slots=2)
    engine = serve(runner)
    done = await outcomes(engine.submit(ask("bad")), engine.submit(ask("good")))
    assert isinstance(done[0], ModelError)
    assert done[1].text == "ok"
    assert (await outcomes(engine.submit(ask("after"))))[0].text == "ok"


# -- giving back -----------------------------------------------------------------------------


async def test_a_preempted_request_comes_back_before_those_that_wait_and_loses_nothing(
    serve: Serve,
) -> None:
    replies = {"a": "A" * 9, "b": "B" * 9, "c": "C" * 9}
    runner = FakeRunner(replies, slots=2)
    engine = serve(runner)
    with runner.paused():
        streams = [engine.submit(ask(prompt)) for prompt in "abc"]
        for _ in range(3):
            await step_of(runner)
            runner.let_one_step_pass()
        runner.preempt_next = ["b"]
    done = await outcomes(*streams)
    assert runner.admitted == ["a", "b", "b", "c"]
    assert [completion.text for completion in done] == list(replies.values())


async def test_preempted_requests_come_back_oldest_first(serve: Serve) -> None:
    """A runner gives back the youngest first."""
    replies = dict.fromkeys("abc", "x" * 9)
    runner = FakeRunner(replies, slots=3)
    engine = serve(runner)
    with runner.paused():
        streams = [engine.submit(ask(prompt)) for prompt in "abc"]
        for _ in range(3):
            await step_of(runner)
            runner.let_one_step_pass()
        runner.preempt_next = ["c", "b"]
    await outcomes(*streams)
    assert runner.admitted == ["a", "b", "c", "b", "c"]


async def test_a_preempted_request_that_is_cancelled_while_it_waits_is_released(
    serve: Serve,
) -> None:
    """What the runner keeps for it (a sampler chain) must go with it."""
    runner = FakeRunner({"a": "x", "b": "x"}, slots=2, endless="ab")
    engine = serve(runner)
    with runner.paused():
        first, second = engine.submit(ask("a", 10**9)), engine.submit(ask("b", 10**9))
        for _ in range(3):
            await step_of(runner)
            runner.let_one_step_pass()
        runner.preempt_next, runner.refused = ["b"], {"b"}
        runner.let_one_step_pass()
        await step_of(runner)
        await second.aclose()
    await first.aclose()
    await asyncio.to_thread(engine.close)
    assert sorted(runner.released) == ["a", "b"]
    assert not runner.held


async def test_a_preempted_request_is_released_when_the_engine_closes(serve: Serve) -> None:
    runner = FakeRunner({"a": "x", "b": "x"}, slots=2, endless="ab")
    engine = serve(runner)
    with runner.paused():
        streams = [engine.submit(ask("a", 10**9)), engine.submit(ask("b", 10**9))]
        for _ in range(3):
            await step_of(runner)
            runner.let_one_step_pass()
        runner.preempt_next, runner.refused = ["b"], {"b"}
        runner.let_one_step_pass()
        await step_of(runner)
        closing = asyncio.create_task(asyncio.to_thread(engine.close))
    await patiently(closing)
    done = await outcomes(*streams)
    assert [type(result) for result in done] == [NotReady, NotReady]
    assert not runner.held


# -- the end ---------------------------------------------------------------------------------


async def test_closing_ends_everything_and_frees_the_model(serve: Serve) -> None:
    runner = FakeRunner({"endless": "x"}, slots=1, endless=["endless"])
    engine = serve(runner)
    streams = [engine.submit(ask("endless", 10**9)), engine.submit(ask("waits"))]
    await asyncio.to_thread(engine.close)
    assert runner.is_closed
    assert not runner.held
    assert [type(result) for result in await outcomes(*streams)] == [NotReady, NotReady]
    with pytest.raises(NotReady):
        engine.submit(ask("too late"))


async def test_closing_twice_is_closing_once(serve: Serve) -> None:
    runner = FakeRunner()
    engine = serve(runner)
    await asyncio.to_thread(engine.close)
    await asyncio.to_thread(engine.close)
    assert runner.is_closed


def test_a_loop_that_ended_is_no_fault(serve: Serve) -> None:
    """Its requests run on into nothing; those of the next loop are served."""
    runner = FakeRunner({"endless": "x"}, slots=2, endless=["endless"])
    engine = serve(runner)

    async def leave_one_behind() -> None:
        stream = engine.submit(ask("endless", 10**9))
        await anext(stream)

    async def ask_one() -> str:
        return (await patiently(engine.complete(ask("new")))).text

    asyncio.run(leave_one_behind())
    assert asyncio.run(ask_one()) == "ok"


# -- deliveries and counts -------------------------------------------------------------------


async def test_a_loop_is_woken_once_per_step_for_all_its_requests(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, calls = asyncio.get_running_loop(), []
    original = loop.call_soon_threadsafe

    def count(callback: Any, *args: Any, **kwargs: Any) -> Any:
        if callback is scheduler_module._hand_out:
            calls.append(args)
        return original(callback, *args, **kwargs)

    monkeypatch.setattr(loop, "call_soon_threadsafe", count)
    runner = FakeRunner(dict.fromkeys("abc", "0123456789"), slots=3)
    engine = serve(runner)
    with runner.paused():
        streams = [engine.submit(ask(prompt)) for prompt in "abc"]
        await step_of(runner)
    await outcomes(*streams)
    assert len(calls) == len(runner.steps)
    assert len(runner.steps) < 3 * 11


async def test_an_idle_engine_counts_nobody_as_running_or_waiting(serve: Serve) -> None:
    engine = serve(FakeRunner(slots=1))
    await outcomes(*(engine.submit(ask(prompt)) for prompt in "abc"))
    assert (engine.statistics.running, engine.statistics.waiting) == (0, 0)
    assert engine.statistics.finished == 3


async def test_running_and_waiting_requests_are_counted(serve: Serve) -> None:
    runner = FakeRunner(slots=1)
    engine = serve(runner)
    with runner.paused():
        streams = [engine.submit(ask(prompt)) for prompt in "abc"]
        await step_of(runner)
        runner.let_one_step_pass()
        await step_of(runner)
        assert (engine.statistics.running, engine.statistics.waiting) == (1, 2)
    await outcomes(*streams)


async def test_tokens_are_counted(serve: Serve) -> None:
    engine = serve(FakeRunner({"four": "12345"}))
    await outcomes(engine.submit(ask("four")), engine.submit(ask("x", 1)))
    counted = engine.statistics
    assert (counted.prompt_tokens, counted.completion_tokens) == (5, 7)
    assert counted.ttft.count == 2


class RecordingStream:
    """Only notes its end."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()

    def push(self, events: list[Any]) -> None:
        if isinstance(events[-1], Finished):
            self.ended.set()

    def fail(self, error: AppError) -> None:
        self.ended.set()


def _job(runner: FakeRunner, prompt: str, stream: Any) -> Job:
    request = ask(prompt, 10**9)
    sequence = Sequence(request, list(request.prompt_ids))
    return Job(sequence, Generation(sequence, runner.tokenizer), stream)
