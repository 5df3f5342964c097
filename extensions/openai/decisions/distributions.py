"""How likely each label is, from the distribution of the next token.

One token is computed for each question; one for each further place where labels of several tokens still have a beginning in common.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from extensions.openai.decisions.labels import Path
from extensions.openai.decisions.prompts import AskedQuestion
from extensions.openai.replies import fold_all, submit_all
from modules.core.errors import Cancelled, ModelError
from modules.core.events import Completion, Usage
from modules.core.requests import Adapters, GenerationRequest
from modules.core.sampling import MAX_LOGIT_BIAS, SamplingParams
from modules.engine.engine import Engine

AT_ONCE = 64
"""Requests that are in the queue together: others get their turn between."""
NEGLIGIBLE = 1e-4
"""A beginning less likely than this is not followed: what can come after it shares the probability evenly."""


@dataclass(frozen=True, slots=True)
class _Fork:
    """A place where labels part: `begun` of them is written, `ways` are the answers with what is left of their labels."""

    question: int
    begun: Path
    share: float
    ways: tuple[tuple[int, Path], ...]


@dataclass(slots=True)
class Shares:
    """The probabilities of all answers of all questions, and what they took."""

    by_question: list[list[float]]
    usages: list[Usage] = field(default_factory=list[Usage])


async def measure(
    asked: Sequence[AskedQuestion], engine: Engine, adapters: Adapters | None = None
) -> Shares:
    """The probabilities of each question add up to 1."""
    shares = Shares([[0.0] * len(each.labels.shown) for each in asked])
    forks = [_root(index, each) for index, each in enumerate(asked)]
    while forks:
        later: list[_Fork] = []
        for start in range(0, len(forks), AT_ONCE):
            batch = forks[start : start + AT_ONCE]
            wanted = [_to_request(fork, asked[fork.question], adapters) for fork in batch]
            for fork, done in zip(batch, await _complete(wanted, engine), strict=True):
                shares.usages.append(done.usage)
                later += _follow(fork, done, shares)
        forks = later
    return shares


def _root(index: int, asked: AskedQuestion) -> _Fork:
    ways = [(i, path) for i, paths in enumerate(asked.labels.paths) for path in paths]
    return _Fork(index, (), 1.0, tuple(ways))


async def _complete(requests: Sequence[GenerationRequest], engine: Engine) -> list[Completion]:
    async with AsyncExitStack() as stack:
        return await fold_all(submit_all(engine, requests, stack))


def _to_request(fork: _Fork, asked: AskedQuestion, adapters: Adapters | None) -> GenerationRequest:
    """The labels' tokens are raised above all others, which leaves the proportions among them as they are."""
    token_ids = sorted({path[0] for _, path in fork.ways})
    raised = tuple((token_id, MAX_LOGIT_BIAS) for token_id in token_ids)
    return GenerationRequest(
        prompt_ids=(*asked.prompt.ids, *fork.begun),
        media=asked.prompt.media,
        max_tokens=1,
        sampling=SamplingParams(logit_bias=raised),
        logprobs=len(token_ids),
        sampled_logprobs=True,
        adapters=adapters,
    )


def _follow(fork: _Fork, done: Completion, shares: Shares) -> Iterator[_Fork]:
    """Adds what is decided here to the answers; yields the places where it goes on."""
    answers = shares.by_question[fork.question]
    for token_id, share in _next_shares(fork, done).items():
        ways = tuple((i, path[1:]) for i, path in fork.ways if path[0] == token_id)
        parted = {i for i, _ in ways}
        if len(parted) == 1 or share < NEGLIGIBLE:
            for i in parted:
                answers[i] += share / len(parted)
        else:
            yield _Fork(fork.question, (*fork.begun, token_id), share, ways)


def _next_shares(fork: _Fork, done: Completion) -> dict[int, float]:
    """The fork's share, divided among the tokens that can come next."""
    if done.reason == "cancelled":
        raise Cancelled("The decision was stopped before it was made.")
    if not done.logprobs:
        raise ModelError("The model told no probabilities.")
    known = {choice.token_id: choice.logprob for choice in done.logprobs[0].alternatives}
    token_ids = dict.fromkeys(path[0] for _, path in fork.ways)
    weights = {token_id: math.exp(known.get(token_id, -math.inf)) for token_id in token_ids}
    total = sum(weights.values())
    if not total > 0:
        raise ModelError("The model computed no valid probabilities.")
    return {token_id: fork.share * weight / total for token_id, weight in weights.items()}
