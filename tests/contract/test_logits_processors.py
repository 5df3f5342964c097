"""Functions over the logits of the next token mean the same with every loader in this process."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from modules.core.errors import RequestError
from modules.core.requests import GenerationRequest, Grammar
from modules.engine.engine import Engine
from tests.contract.conftest import complete, complete_one

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:llama_token_get_attr is deprecated"),
]
Ask = Callable[..., GenerationRequest]
Seen = list[tuple[list[int], int]]

SAMPLINGS = [
    {"temperature": 0},
    {"temperature": 0, "repetition_penalty": 1.2},
    {"temperature": 1.3, "seed": 5},
    {"temperature": 0.8, "top_k": 20, "top_p": 0.9, "seed": 5},
]


def only(token_id: int) -> Callable[[Sequence[int], Any], Any]:
    def process(token_ids: Sequence[int], logits: Any) -> Any:
        forced = np.full_like(logits, -np.inf)
        forced[token_id] = 0
        return forced

    return process


def watching(seen: Seen) -> Callable[[Sequence[int], Any], Any]:
    def process(token_ids: Sequence[int], logits: Any) -> Any:
        assert logits.dtype == np.float32
        seen.append((list(token_ids), len(logits)))
        return logits

    return process


def one_token(engine: Engine, text: str) -> int:
    [token_id] = engine.tokenizer.encode(text, add_special=False, parse_special=False)
    return token_id


@pytest.mark.parametrize("sampling", SAMPLINGS)
async def test_what_is_forced_comes_whatever_the_samplers(
    engine: Engine, ask: Ask, sampling: dict[str, Any]
) -> None:
    token_id = one_token(engine, "a")
    done = await complete_one(
        engine, ask(max_tokens=5, logits_processors=(only(token_id),), **sampling)
    )
    assert done.text == "a" * 5


async def test_one_that_changes_nothing_changes_nothing(engine: Engine, ask: Ask) -> None:
    seen: Seen = []
    plain, watched = await complete(
        engine,
        ask(max_tokens=12, temperature=0),
        ask(max_tokens=12, temperature=0, logits_processors=(watching(seen),)),
    )
    assert watched.text == plain.text
    prompt = list(ask().prompt_ids)
    assert [len(tokens) for tokens, _ in seen] == list(range(len(prompt), len(prompt) + len(seen)))
    assert all(tokens[: len(prompt)] == prompt for tokens, _ in seen)
    assert {size for _, size in seen} == {engine.tokenizer.size}


async def test_they_are_called_in_order_and_for_their_request_only(
    engine: Engine, ask: Ask
) -> None:
    first, second = one_token(engine, "a"), one_token(engine, "b")
    plain, changed, other = await complete(
        engine,
        ask(max_tokens=6, temperature=0),
        ask(max_tokens=6, temperature=0, logits_processors=(only(first), only(second))),
        ask(max_tokens=6, temperature=0),
    )
    assert changed.text == "b" * 6
    assert plain.text == other.text != changed.text


async def test_the_grammar_has_the_last_word(engine: Engine, ask: Ask) -> None:
    def prefers_letters(token_ids: Sequence[int], logits: Any) -> Any:
        logits = logits.copy()
        logits[one_token(engine, "a")] += 100
        return logits

    grammar = Grammar("regex", "[0-9]{4}")
    done = await complete_one(
        engine,
        ask(max_tokens=20, temperature=0, grammar=grammar, logits_processors=(prefers_letters,)),
    )
    assert len(done.text) == 4
    assert done.text.isdigit()


async def test_what_leaves_nothing_is_refused(engine: Engine, ask: Ask) -> None:
    token_id = one_token(engine, "a")
    request = ask(max_tokens=5, custom_token_bans=[token_id], logits_processors=(only(token_id),))
    with pytest.raises(RequestError, match="leave nothing"):
        await complete_one(engine, request)


async def test_reported_probabilities_are_the_models_or_what_is_left(
    engine: Engine, ask: Ask
) -> None:
    token_id = one_token(engine, "a")
    own, left = await complete(
        engine,
        ask(max_tokens=2, logprobs=1, logits_processors=(only(token_id),)),
        ask(max_tokens=2, logprobs=1, sampled_logprobs=True, logits_processors=(only(token_id),)),
    )
    assert [token.chosen.token_id for token in own.logprobs] == [token_id, token_id]
    assert own.logprobs[0].chosen.logprob < -0.1
    assert left.logprobs[0].chosen.logprob == pytest.approx(0)
