"""Reported probabilities: of replies, of prompts, and after the samplers."""

import math
from collections.abc import Callable

import pytest

from modules.core.requests import GenerationRequest
from modules.engine.engine import Engine
from tests.contract.conftest import STORY, complete_one
from tests.contract.marks import all_engines

pytestmark = [pytest.mark.anyio, all_engines]
Ask = Callable[..., GenerationRequest]


def most_logprobs(engine: Engine) -> int:
    return min(engine.info.vocabulary_size, engine.info.max_logprobs or engine.info.vocabulary_size)


async def test_the_probabilities_of_a_whole_vocabulary_make_one(engine: Engine, ask: Ask) -> None:
    """Of as much of it as can be reported."""
    size = most_logprobs(engine)
    done = await complete_one(engine, ask(STORY, 3, temperature=0, logprobs=size))
    assert len(done.logprobs) == 3
    for token in done.logprobs:
        assert len(token.alternatives) == size
        share = math.fsum(math.exp(a.logprob) for a in token.alternatives)
        assert share == pytest.approx(1) or (size < engine.info.vocabulary_size and 0.9 < share < 1)
        assert len({a.token_id for a in token.alternatives}) == size
        order = [a.logprob for a in token.alternatives]
        assert order == sorted(order, reverse=True)


async def test_a_greedy_token_is_the_first_alternative(engine: Engine, ask: Ask) -> None:
    done = await complete_one(engine, ask(STORY, 10, temperature=0, logprobs=2))
    for token in done.logprobs:
        assert token.alternatives[0] == token.chosen
    plain = await complete_one(engine, ask(STORY, 10, temperature=0))
    assert plain.text == done.text == b"".join(t.chosen.piece for t in done.logprobs).decode()
    assert plain.logprobs == ()


async def test_the_models_own_probabilities_do_not_depend_on_the_samplers(
    engine: Engine, ask: Ask
) -> None:
    own, sampled = [
        (await complete_one(engine, ask(STORY, 1, logprobs=5, **sampling))).logprobs[0]
        for sampling in ({"temperature": 0}, {"temperature": 3, "top_k": 40, "seed": 1})
    ]
    assert [a.token_id for a in own.alternatives] == [a.token_id for a in sampled.alternatives]
    for a, b in zip(own.alternatives, sampled.alternatives, strict=True):
        assert a.logprob == pytest.approx(b.logprob, abs=0.05)


async def test_probabilities_after_the_samplers_are_of_what_they_left(
    engine: Engine, ask: Ask
) -> None:
    request = ask(STORY, 5, seed=3, top_k=4, temperature=2, logprobs=50, sampled_logprobs=True)
    for token in (await complete_one(engine, request)).logprobs:
        assert 1 <= len(token.alternatives) <= 4
        assert math.fsum(math.exp(a.logprob) for a in token.alternatives) == pytest.approx(1)
        assert token.chosen.token_id in {a.token_id for a in token.alternatives}


@pytest.mark.parametrize("alternatives", [0, 3])
async def test_a_scored_prompt_has_the_probabilities_of_reading_it_token_by_token(
    engine: Engine, ask: Ask, alternatives: int
) -> None:
    ids = list(ask(STORY + "Once upon a time").prompt_ids)
    scored = (await complete_one(engine, ask(ids, 0, prompt_logprobs=alternatives))).prompt_logprobs
    assert [token.chosen.token_id for token in scored] == ids
    assert math.isnan(scored[0].chosen.logprob)
    size = most_logprobs(engine)
    compared = 0
    for place in range(1, len(ids)):
        step = await complete_one(engine, ask(ids[:place], 1, temperature=0, logprobs=size))
        expected = (
            {a.token_id: a.logprob for a in step.logprobs[0].alternatives}
            if step.logprobs
            else None
        )
        if expected is None or (ids[place] not in expected and size < engine.info.vocabulary_size):
            continue  # the reply ends here: its end is no token of the text; or it is not among those reported
        compared += 1
        assert scored[place].chosen.logprob == pytest.approx(expected[ids[place]], abs=0.1)
        assert len(scored[place].alternatives) == alternatives
    assert compared > len(ids) // 2


async def test_a_long_prompt_is_scored_whole_with_a_reply_after_it(
    engine: Engine, ask: Ask
) -> None:
    ids = list(ask("a cat and a dog " * 100).prompt_ids)
    done = await complete_one(engine, ask(ids, 4, temperature=0, prompt_logprobs=0))
    assert [token.chosen.token_id for token in done.prompt_logprobs] == ids
    assert all(token.chosen.logprob <= 0 for token in done.prompt_logprobs[1:])
    plain = await complete_one(engine, ask(ids, 4, temperature=0))
    assert done.text == plain.text
