"""Every parameter of the sampler table is taken, and those with a plain meaning have it."""

from collections.abc import Callable
from typing import Any

import pytest

from modules.core.errors import RequestError
from modules.core.requests import GenerationRequest
from modules.core.sampling import SAMPLERS
from modules.engine.engine import Engine
from tests.contract.conftest import complete, complete_one
from tests.contract.marks import all_engines

pytestmark = [pytest.mark.anyio, all_engines]
Ask = Callable[..., GenerationRequest]

HOT = {"temperature": 3.0, "seed": 5}


async def text_of(engine: Engine, request: GenerationRequest) -> str:
    return (await complete_one(engine, request)).text


@pytest.mark.parametrize(
    "sampling",
    [
        {"top_k": 1},
        {"min_p": 1.0},
        {"top_p": 0.0},
        {"top_n_sigma": 1e-6},
        {"do_sample": False},
        {"temperature": 0},
        {"temperature": 1e-3},
        {"temperature": 1e-40},
        {"dynamic_temperature": True, "dynatemp_low": 0, "dynatemp_high": 0},
        {"temperature_last": True, "top_k": 1},
    ],
    ids=str,
)
async def test_what_leaves_one_token_is_greedy(
    engine: Engine, ask: Ask, sampling: dict[str, Any]
) -> None:
    greedy = await text_of(engine, ask(temperature=0))
    assert await text_of(engine, ask(**HOT)) != greedy
    assert await text_of(engine, ask(**HOT | sampling)) == greedy


@pytest.mark.parametrize(
    "sampling",
    [
        {"repetition_penalty": 3.0},
        {"presence_penalty": 2.0, "frequency_penalty": 2.0},
        {"presence_penalty": -2.0, "frequency_penalty": -2.0},
        {"repetition_penalty": 0.3, "repetition_penalty_range": 5},
        {"dry_multiplier": 10.0, "dry_allowed_length": 0, "dry_sequence_breakers": []},
        {"logit_bias": {"300": 100}},
    ],
    ids=str,
)
async def test_penalties_and_biases_change_even_a_greedy_reply(
    engine: Engine, ask: Ask, sampling: dict[str, Any]
) -> None:
    plain = await text_of(engine, ask(max_tokens=60, temperature=0, ban_eos_token=True))
    changed = ask(max_tokens=60, temperature=0, ban_eos_token=True, **sampling)
    assert await text_of(engine, changed) != plain


@pytest.mark.parametrize(
    "sampling",
    [
        {"temperature": 0.4},
        {"dynamic_temperature": True, "dynatemp_low": 0.1, "dynatemp_high": 0.4},
        {"top_k": 2},
        {"top_p": 0.3},
        {"min_p": 0.5},
        {"typical_p": 0.2},
        {"top_n_sigma": 0.5},
        {"xtc_probability": 1.0, "xtc_threshold": 0.01},
        {"mirostat_mode": 1, "mirostat_tau": 1.0},
        {"mirostat_mode": 2, "mirostat_tau": 1.0},
        {"adaptive_target": 0.9, "adaptive_decay": 0.5},
        {"sampler_priority": []},
        {"seed": 6},
    ],
    ids=str,
)
async def test_what_shapes_the_draw_changes_what_is_drawn(
    engine: Engine, ask: Ask, sampling: dict[str, Any]
) -> None:
    plain = {"temperature": 1.7, "seed": 5, "max_tokens": 60, "ban_eos_token": True}
    assert await text_of(engine, ask(**plain | sampling)) != await text_of(engine, ask(**plain))


async def test_neutral_values_change_nothing(engine: Engine, ask: Ask) -> None:
    neutral = {
        "top_k": 0, "top_p": 1, "min_p": 0, "typical_p": 1, "top_n_sigma": 0, "xtc_probability": 0,
        "repetition_penalty": 1, "dry_multiplier": 0, "mirostat_mode": 0, "adaptive_target": 0,
        "presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {}, "custom_token_bans": [],
    }  # fmt: skip
    assert await text_of(engine, ask(**HOT, **neutral)) == await text_of(engine, ask(**HOT))


async def test_the_loader_says_which_samplers_it_honours(engine: Engine) -> None:
    assert engine.info.samplers <= {sampler.name for sampler in SAMPLERS}
    assert {"temperature", "top_p", "seed", "logit_bias"} <= engine.info.samplers


async def test_a_bias_of_hundred_forces_a_token(engine: Engine, ask: Ask) -> None:
    done = await complete_one(engine, ask(max_tokens=5, logit_bias={"40": 100}, logprobs=0, seed=1))
    assert [token.chosen.token_id for token in done.logprobs] == [40] * 5


@pytest.mark.parametrize("ban", ["logit_bias", "custom_token_bans"])
async def test_a_banned_token_never_comes(engine: Engine, ask: Ask, ban: str) -> None:
    first = (await complete_one(engine, ask(max_tokens=9, temperature=0, logprobs=0))).logprobs
    ids = {token.chosen.token_id for token in first}
    value = dict.fromkeys(map(str, ids), -100) if ban == "logit_bias" else list(ids)
    samplings = [{"temperature": 0}, {"temperature": 2, "seed": 1}, {"mirostat_mode": 2}]
    requests = [ask(max_tokens=40, logprobs=0, **{ban: value}, **each) for each in samplings]
    for done in await complete(engine, *requests):
        assert ids.isdisjoint(token.chosen.token_id for token in done.logprobs)


async def test_a_reply_without_end_tokens_goes_on_to_its_limit(engine: Engine, ask: Ask) -> None:
    requests = [
        ask(max_tokens=200, ban_eos_token=True, temperature=temperature, seed=1)
        for temperature in (0, 1, 2)
    ]
    for done in await complete(engine, *requests):
        assert (done.reason, done.usage.completion_tokens) == ("length", 200)


@pytest.mark.parametrize("sampling", [{"temperature": 0}, {"seed": 1}, {"mirostat_mode": 2}])
async def test_with_all_tokens_but_one_banned_that_one_comes(
    engine: Engine, ask: Ask, sampling: dict[str, Any]
) -> None:
    bans = [token_id for token_id in range(engine.info.vocabulary_size) if token_id != 50]
    done = await complete_one(
        engine, ask(max_tokens=4, custom_token_bans=bans, logprobs=0, **sampling)
    )
    assert [token.chosen.token_id for token in done.logprobs] == [50] * 4


async def test_with_every_token_banned_a_request_is_refused(engine: Engine, ask: Ask) -> None:
    size = engine.info.vocabulary_size
    ends = [token_id for token_id in range(size) if engine.tokenizer.is_end(token_id)]
    others = [token_id for token_id in range(size) if token_id not in ends]
    with pytest.raises(RequestError, match="banned"):
        await complete_one(engine, ask(custom_token_bans=list(range(size))))
    with pytest.raises(RequestError, match="banned"):
        await complete_one(engine, ask(custom_token_bans=others, ban_eos_token=True))
