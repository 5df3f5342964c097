"""Engine: what is refused before anything runs, and the ways a request ends."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from modules.core.errors import ContextLengthExceeded, RequestError
from modules.core.events import Finished, PromptScored, TextDelta, Usage
from modules.core.requests import GenerationRequest, Grammar
from modules.engine.engine import Engine
from tests.unit.engine.fake_runner import PATIENCE_S, FakeRunner, ask

pytestmark = pytest.mark.anyio
Serve = Callable[..., Engine]


async def patiently(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, PATIENCE_S)


async def events_of(stream: Any) -> list[Any]:
    return [event async for event in stream]


SIZE = FakeRunner().tokenizer.size
WRONG: list[tuple[GenerationRequest, type[Exception], str]] = [
    (GenerationRequest((), 5), RequestError, "empty"),
    (ask("x" * 21, 1), ContextLengthExceeded, "21"),
    (ask("x" * 20, 1), ContextLengthExceeded, "20"),
    (ask("x" * 21, 0), ContextLengthExceeded, "21"),
    (GenerationRequest((SIZE,), 5), RequestError, str(SIZE)),
    (GenerationRequest((-1,), 5), RequestError, "-1"),
    (ask("q", sampling={"logit_bias": ((SIZE, 1.0),)}), RequestError, str(SIZE)),
    (ask("q", sampling={"custom_token_bans": (SIZE + 7,)}), RequestError, str(SIZE + 7)),
    (ask("q", sampling={"custom_token_bans": tuple(range(SIZE))}), RequestError, "banned"),
    (
        ask("q", sampling={"logit_bias": tuple((i, -100.0) for i in range(SIZE))}),
        RequestError,
        "banned",
    ),
    (ask("q", grammar=Grammar("regex", "(")), RequestError, "regular expression"),
]


@pytest.mark.parametrize(("request_", "error", "word"), WRONG)
async def test_submit_refuses_before_anything_runs(
    serve: Serve, request_: GenerationRequest, error: type[Exception], word: str
) -> None:
    runner = FakeRunner(context_length=20)
    engine = serve(runner)
    with pytest.raises(error, match=word):
        engine.submit(request_)
    assert engine.stop() == 0
    await patiently(engine.complete(ask("fine")))
    assert runner.admitted == ["fine"]


async def test_every_token_banned_together_with_the_end_is_refused(serve: Serve) -> None:
    """Bans, biases and ban_eos_token are one set."""
    engine = serve(FakeRunner())
    end = 256
    others = tuple(token_id for token_id in range(SIZE) if token_id != end)
    with pytest.raises(RequestError, match="banned"):
        engine.submit(ask("q", sampling={"custom_token_bans": others, "ban_eos_token": True}))


async def test_a_prompt_may_fill_the_context_but_for_one_token(serve: Serve) -> None:
    engine = serve(FakeRunner(context_length=20))
    done = await patiently(engine.complete(ask("x" * 19)))
    assert (done.text, done.reason) == ("o", "length")


async def test_the_context_may_be_filled_by_a_prompt_that_is_only_scored(serve: Serve) -> None:
    engine = serve(FakeRunner(context_length=20))
    done = await patiently(engine.complete(ask("x" * 20, 0, prompt_logprobs=0)))
    assert len(done.prompt_logprobs) == 20
    assert done.reason == "length"


async def test_no_token_asked_for_is_no_token_given(serve: Serve) -> None:
    runner = FakeRunner()
    engine = serve(runner)
    assert await events_of(engine.submit(ask("q", 0))) == [Finished("length", Usage(1, 0))]
    assert runner.admitted == []
    assert engine.stop() == 0


async def test_a_scored_prompt_comes_before_the_reply(serve: Serve) -> None:
    engine = serve(FakeRunner({"ab": "xy"}))
    events = await patiently(events_of(engine.submit(ask("ab", prompt_logprobs=2, logprobs=1))))
    assert isinstance(events[0], PromptScored)
    assert [lp.chosen.token_id for lp in events[0].logprobs] == [*b"ab"]
    assert len(events[0].logprobs[0].alternatives) == 2
    assert [type(event) for event in events[1:]] == [TextDelta, TextDelta, Finished]
    assert len(events[1].logprobs[0].alternatives) == 1


async def test_complete_is_the_fold_of_the_stream(serve: Serve) -> None:
    request = ask("q", stop=("!",), logprobs=0, prompt_logprobs=0)
    engine = serve(FakeRunner({"q": "héllo! more"}))
    events = await patiently(events_of(engine.submit(request)))
    whole = await patiently(engine.complete(request))
    assert whole.text == "héllo" == "".join(e.text for e in events if isinstance(e, TextDelta))
    assert (whole.reason, whole.stop_string) == ("stop", "!")
    assert len(whole.logprobs) == 6  # é is two tokens
    assert len(whole.prompt_logprobs) == 1
    assert whole.usage == events[-1].usage


async def test_a_grammar_of_the_request_walks_along(serve: Serve) -> None:
    engine = serve(FakeRunner({"q": "yes, and more"}))
    request = ask("q", grammar=Grammar("gbnf", 'root ::= "yes" | "no"'))
    engine.prepare(request)
    done = await patiently(engine.complete(request))
    assert (done.text, done.reason) == ("yes", "stop")


async def test_requests_are_stopped_by_their_id(serve: Serve) -> None:
    engine = serve(FakeRunner({"a": "x", "b": "x", "c": "x"}, slots=2, endless="abc"))
    streams = {
        prompt: engine.submit(ask(prompt, 10**9, stop_id=stop_id))
        for prompt, stop_id in (("a", "one"), ("b", "two"), ("c", "one"))
    }
    assert engine.stop("nobody") == 0
    assert engine.stop("one") == 2
    done = [await patiently(streams[prompt].fold()) for prompt in "ac"]
    assert [completion.reason for completion in done] == ["cancelled", "cancelled"]
    assert engine.stop() == 1
    assert (await patiently(streams["b"].fold())).reason == "cancelled"
    assert engine.stop() == 0


async def test_a_stream_can_be_stopped_by_itself(serve: Serve) -> None:
    engine = serve(FakeRunner({"a": "x", "b": "x"}, slots=2, endless="ab"))
    streams = [engine.submit(ask(prompt, 10**9)) for prompt in "ab"]
    await patiently(streams[0].batch())
    streams[0].stop()
    done = await patiently(streams[0].fold())
    assert done.reason == "cancelled"
    assert engine.stop() == 1
    assert (await patiently(streams[1].fold())).reason == "cancelled"


async def test_the_engine_keeps_nothing_of_ended_requests(serve: Serve) -> None:
    runner = FakeRunner({"endless": "x"}, slots=1, endless=["endless"])
    runner.fail_in_admit = {"bad": RuntimeError("no")}
    engine = serve(runner, max_queue=9)
    await patiently(engine.complete(ask("whole")))
    with pytest.raises(RequestError):
        engine.submit(GenerationRequest((), 1))
    await patiently(engine.complete(ask("none", 0)))
    await asyncio.gather(engine.complete(ask("bad")), return_exceptions=True)
    closed = engine.submit(ask("endless", 10**9))
    await anext(closed)
    await closed.aclose()
    unread = engine.submit(ask("unread"))
    await patiently(engine.complete(ask("after it")))
    assert engine._jobs == {}
    await unread.aclose()


async def test_a_cancelled_fold_cancels_its_request(serve: Serve) -> None:
    runner = FakeRunner({"endless": "x"}, slots=1, endless=["endless"])
    engine = serve(runner)
    asking = asyncio.create_task(engine.complete(ask("endless", 10**9)))
    await asyncio.to_thread(runner.wait_for_step)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await patiently(engine.complete(ask("next")))).text == "ok"
    assert runner.released[0] == "endless"


async def test_closing_a_stream_before_it_began_cancels_its_request(serve: Serve) -> None:
    runner = FakeRunner({"endless": "x"}, slots=1, endless=["endless"])
    engine = serve(runner)
    stream = engine.submit(ask("endless", 10**9))
    await stream.aclose()
    await stream.aclose()
    assert (await patiently(engine.complete(ask("next")))).text == "ok"
    assert await events_of(stream) == []
