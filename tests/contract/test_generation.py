"""What every loader owes: greedy replies, seeds, batches, the cache, cancelling, the end of the context."""

import asyncio
from collections.abc import Callable

import pytest

from modules.core.errors import ContextLengthExceeded
from modules.core.events import Completion, TextDelta
from modules.core.requests import GenerationRequest
from modules.engine.engine import Engine
from tests.contract.conftest import PATIENCE_S, STORY, build_request, complete, complete_one
from tests.contract.loaders import LoaderCase
from tests.contract.marks import all_engines

pytestmark = [pytest.mark.anyio, all_engines]
Ask = Callable[..., GenerationRequest]
Load = Callable[..., Engine]


def chat(text: str) -> str:
    return f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"


PROMPTS = [
    chat(text)
    for text in (
        "Tell me a story.", "Hi!", "What is the capital of France?", "Count to ten.", "Who are you?",
        "Tell me about cats.", "What is 2 plus 3?", "Write a list.", "Good morning", "Bye",
        "Say yes.", "Say no.", "What colour is the sky?", "Name a fruit.", "Sing!", "Why?",
    )
]  # fmt: skip


async def test_a_greedy_reply_is_the_same_alone_again_and_beside_fifteen_others(
    engine: Engine, ask: Ask
) -> None:
    requests = [ask(prompt, 20, temperature=0) for prompt in PROMPTS]
    alone = [(await complete_one(engine, request)).text for request in requests]
    together = [done.text for done in await complete(engine, *requests)]
    assert together == alone
    assert len(set(alone)) > 3


async def test_a_seed_repeats_a_reply_and_another_changes_it(engine: Engine, ask: Ask) -> None:
    seeds = [0, 1, 7, 12345, 2**31, 2**32, 2**40 + 3]
    first = [
        done.text for done in await complete(engine, *(ask(seed=s, temperature=1.2) for s in seeds))
    ]
    again = [
        (await complete_one(engine, ask(seed=s, temperature=1.2))).text for s in reversed(seeds)
    ]
    assert again[::-1] == first
    assert len(set(first)) > 3


@pytest.mark.parametrize("seed", [2**32 - 1, 2**63 - 1])
async def test_every_seed_repeats_even_those_that_a_library_reads_as_random(
    engine: Engine, ask: Ask, seed: int
) -> None:
    request = ask(STORY, 24, seed=seed, temperature=2)
    assert len({done.text for done in await complete(engine, *[request] * 4)}) == 1


async def test_without_a_seed_replies_differ(engine: Engine, ask: Ask) -> None:
    done = await complete(engine, *(ask(STORY, 24, temperature=1.5) for _ in range(8)))
    assert len({completion.text for completion in done}) > 1


async def test_a_reply_ends_at_its_limit_with_the_right_count(engine: Engine, ask: Ask) -> None:
    for limit in (1, 2, 7):
        done = await complete_one(engine, ask(STORY, limit, temperature=0))
        assert (done.reason, done.usage.completion_tokens) == ("length", limit)


async def test_the_end_token_ends_a_reply(engine: Engine, ask: Ask) -> None:
    done = await complete_one(engine, ask(STORY, 1000, temperature=0))
    assert done.reason == "stop"
    assert done.usage.completion_tokens < 1000
    assert "<|im_end|>" not in done.text


async def test_the_stream_has_the_text_of_the_whole(engine: Engine, ask: Ask) -> None:
    request = ask(STORY, 30, temperature=0)
    deltas = [e.text async for e in engine.submit(request) if isinstance(e, TextDelta)]
    assert len(deltas) > 5
    assert "".join(deltas) == (await complete_one(engine, request)).text


async def test_a_stop_string_cuts_the_same_reply(engine: Engine, ask: Ask) -> None:
    whole = (await complete_one(engine, ask(STORY, 60, temperature=0))).text
    stop = whole[20:26]
    done = await complete_one(engine, ask(STORY, 60, temperature=0, stop=(stop,)))
    assert done.text == whole[: whole.index(stop)]
    assert (done.reason, done.stop_string) == ("stop", stop)


# -- the cache -------------------------------------------------------------------------------

LONG = chat("Once there was a cat and a dog and a bird. " * 12)


async def test_a_known_beginning_comes_from_the_cache_and_changes_nothing(load: Load) -> None:
    engine = load(parallel=2)
    prompt = build_request(engine, LONG).prompt_ids
    requests = [
        build_request(engine, [*prompt, *extra], 24, temperature=0)
        for extra in ([], [5], [5, 6, 7], prompt[-5:])
    ]
    for request in requests:
        fresh = await complete_one(load(parallel=1), request)
        assert fresh.usage.cached_tokens == 0
        cached = await complete_one(engine, request)
        assert cached.text == fresh.text
    again = await complete_one(engine, requests[0])
    assert len(prompt) * 0.9 < again.usage.cached_tokens < len(prompt)


async def test_a_beginning_that_a_running_request_has_is_copied(load: Load) -> None:
    engine = load(parallel=4)
    expected = (await complete_one(load(), build_request(engine, LONG, 24, temperature=0))).text
    busy = engine.submit(build_request(engine, LONG, 1000, ban_eos_token=True, temperature=0))
    await anext(busy)
    done = await complete_one(engine, build_request(engine, LONG, 24, temperature=0))
    assert done.usage.cached_tokens > 100
    assert done.text == expected
    await busy.aclose()


async def test_requests_that_come_together_share_their_prompt(load: Load) -> None:
    engine = load(parallel=8)
    request = build_request(engine, LONG, 16, temperature=0)
    expected = (await complete_one(load(parallel=1), request)).text
    done = await complete(engine, *[request] * 8)
    assert {completion.text for completion in done} == {expected}
    assert sum(completion.usage.cached_tokens > 100 for completion in done) >= 4


@pytest.mark.parametrize("kv_unified", [False, True])
async def test_those_who_wait_for_a_prompt_finish_when_its_reader_is_cancelled(
    load: Load, kv_unified: bool
) -> None:
    engine = load(parallel=4, ctx_size=2048, kv_unified=kv_unified, batch_size=32, ubatch_size=32)
    prompt = chat("Once there was a cat and a dog and a bird. " * 15)
    expected = (await complete_one(load(), build_request(engine, prompt, 12, temperature=0))).text
    leader = engine.submit(build_request(engine, prompt, 500, temperature=0))
    await asyncio.sleep(0)
    followers = [
        asyncio.ensure_future(engine.complete(build_request(engine, prompt, 12, temperature=0)))
        for _ in range(3)
    ]
    await asyncio.sleep(0)
    await leader.aclose()
    done = await asyncio.wait_for(asyncio.gather(*followers), PATIENCE_S)
    assert [completion.text for completion in done] == [expected] * 3


# -- cancelling and limits -------------------------------------------------------------------


async def test_cancelling_in_the_middle_of_a_long_prompt_frees_the_slot(load: Load) -> None:
    engine = load(parallel=1, batch_size=32, ubatch_size=32)
    prompt = (LONG * 20)[:4500]
    for _ in range(3):
        stream = engine.submit(build_request(engine, prompt, 500))
        await asyncio.sleep(0.01)
        await stream.aclose()
    done = await complete_one(engine, build_request(engine, PROMPTS[0], 16, temperature=0))
    fresh = await complete_one(
        load(parallel=1), build_request(engine, PROMPTS[0], 16, temperature=0)
    )
    assert done.text == fresh.text


async def test_a_full_context_ends_a_reply_with_length(load: Load) -> None:
    engine = load(ctx_size=256, parallel=2)
    limit = engine.info.context_length
    request = build_request(engine, STORY, 10_000, ban_eos_token=True)
    done = await complete(engine, request, request)
    for completion in done:
        assert completion.reason == "length"
        assert completion.usage.total_tokens == limit


async def test_a_prompt_may_fill_the_context_but_for_one_token(load: Load) -> None:
    engine = load(ctx_size=256, parallel=2)
    limit = engine.info.context_length
    full = build_request(engine, [20] * (limit - 1), 5, temperature=0)
    done = await complete_one(engine, full)
    assert (done.usage.completion_tokens, done.usage.prompt_tokens) == (1, limit - 1)
    with pytest.raises(ContextLengthExceeded):
        engine.submit(build_request(engine, [20] * limit, 5))


async def assert_greedy(reference: Engine, prompt: str, done: Completion) -> None:
    """Every token is the likeliest that may come, as the reference reads the whole, but for rounding.

    A shared memory adds up in another order, so two tokens that are as good as equal may change places.
    """
    prompt_ids = build_request(reference, prompt).prompt_ids
    reply = [token.chosen.token_id for token in done.logprobs]
    request = build_request(reference, [*prompt_ids, *reply], 0, prompt_logprobs=4)
    scored = (await complete_one(reference, request)).prompt_logprobs[len(prompt_ids) :]
    assert len(scored) == done.usage.completion_tokens
    for token in scored:
        allowed = [a for a in token.alternatives if not reference.tokenizer.is_end(a.token_id)]
        assert token.chosen.logprob >= allowed[0].logprob - 0.3


async def test_more_requests_than_a_small_memory_holds_all_finish_with_the_right_text(
    case: LoaderCase, load: Load, engine: Engine
) -> None:
    small = load(**case.small)
    requests = [
        build_request(engine, prompt, 100, temperature=0, ban_eos_token=True, logprobs=0)
        for prompt in PROMPTS
    ]
    for prompt, done in zip(PROMPTS, await complete(small, *requests), strict=True):
        assert done.usage.completion_tokens == 100
        await assert_greedy(engine, prompt, done)


async def test_replies_that_grow_out_of_a_shared_memory_are_put_back_and_finish(
    load: Load, engine: Engine
) -> None:
    """Each fits, all together do not: some must give their memory back in the middle."""
    small = load(ctx_size=1024, parallel=4, kv_unified=True)
    assert small.info.slots == 4
    requests = [
        build_request(engine, prompt, 400, temperature=0, ban_eos_token=True, logprobs=0)
        for prompt in PROMPTS[:5]
    ]
    for prompt, done in zip(PROMPTS, await complete(small, *requests), strict=False):
        assert done.usage.completion_tokens == 400
        await assert_greedy(engine, prompt, done)


async def test_one_slot_serves_many_one_after_the_other(load: Load, engine: Engine) -> None:
    single = load(parallel=1)
    requests = [build_request(engine, prompt, 10, temperature=0) for prompt in PROMPTS[:5]]
    expected = [done.text for done in await complete(engine, *requests)]
    assert [done.text for done in await complete(single, *requests)] == expected


async def test_more_slots_than_requests_change_nothing(load: Load, engine: Engine) -> None:
    wide = load(parallel=64, ctx_size=256)
    requests = [build_request(engine, prompt, 10, temperature=0) for prompt in PROMPTS[:3]]
    expected = [done.text for done in await complete(engine, *requests)]
    assert [done.text for done in await complete(wide, *requests)] == expected
