"""Probabilities of labels against the plain distributions of the same model, token by token."""

import math
from collections.abc import Callable

import pytest

from extensions.openai.decisions.distributions import measure
from extensions.openai.decisions.labels import Labels, Path
from extensions.openai.decisions.prompts import AskedQuestion
from modules.core.requests import GenerationRequest
from modules.engine.encoding import EncodedPrompt
from modules.engine.engine import Engine
from tests.contract.marks import all_engines

pytestmark = [pytest.mark.anyio, all_engines]
PROMPT = (
    "<|im_start|>user\nIs this positive or negative: I love it<|im_end|>\n<|im_start|>assistant\n"
)


def asked(engine: Engine, prompt: str, *answers: list[str]) -> AskedQuestion:
    """Each answer with the ways to write it."""
    ids = engine.tokenizer.encode(prompt, add_special=True, parse_special=True)
    paths = tuple(tuple(encode(engine, text) for text in texts) for texts in answers)
    labels = Labels(tuple(texts[0] for texts in answers), paths)
    return AskedQuestion(EncodedPrompt(tuple(ids)), labels, shared=0)


def encode(engine: Engine, text: str) -> Path:
    return tuple(engine.tokenizer.encode(text, add_special=False, parse_special=False))


async def likelihood(engine: Engine, prompt: EncodedPrompt, path: Path) -> float:
    """Of the tokens of `path` one after the other, by teacher forcing."""
    request = GenerationRequest((*prompt.ids, *path), max_tokens=0, prompt_logprobs=0)
    scores = (await engine.complete(request)).prompt_logprobs[-len(path) :]
    return math.exp(sum(score.chosen.logprob for score in scores))


async def test_labels_of_one_token_share_what_the_model_gives_them(engine: Engine) -> None:
    question = asked(engine, PROMPT, ["p", "P"], ["n"], ["x"])
    (shares,) = (await measure([question], engine)).by_question
    plain = [
        sum([await likelihood(engine, question.prompt, path) for path in paths])
        for paths in question.labels.paths
    ]
    assert shares == pytest.approx([each / sum(plain) for each in plain], rel=1e-3, abs=1e-6)


async def test_labels_of_several_tokens_are_followed_to_where_they_part(engine: Engine) -> None:
    """At each place the model chooses among the labels that are still possible."""
    question = asked(engine, "Count: ", ["00"], ["01"], ["10"], ["11"])
    (shares,) = (await measure([question], engine)).by_question

    async def odds(begun: str) -> float:
        zero, one = [
            await likelihood(engine, question.prompt, encode(engine, begun + digit))
            for digit in "01"
        ]
        return zero / (zero + one)

    first, after_zero, after_one = await odds(""), await odds("0"), await odds("1")
    expected = [
        first * after_zero,
        first * (1 - after_zero),
        (1 - first) * after_one,
        (1 - first) * (1 - after_one),
    ]
    assert shares == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert sum(shares) == pytest.approx(1)


async def test_many_questions_at_once_answer_as_one_by_one(engine: Engine) -> None:
    questions = [asked(engine, PROMPT + "a" * i, ["p"], ["n"]) for i in range(150)]
    together = await measure(questions, engine)
    assert len(together.usages) == 150
    for index in (0, 70, 149):
        (alone,) = (await measure([questions[index]], engine)).by_question
        assert together.by_question[index] == pytest.approx(alone, abs=0.02)


async def test_other_requests_run_beside_a_decision(
    engine: Engine, ask: Callable[..., GenerationRequest]
) -> None:
    alone = (await engine.complete(ask(temperature=0))).text
    stream = engine.submit(ask(temperature=0))
    await measure([asked(engine, PROMPT, ["p"], ["n"])] * 100, engine)
    assert (await stream.fold()).text == alone
