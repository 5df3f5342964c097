"""Tokens that the engine puts into a reply, and the control tokens of a vocabulary."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from modules.core.requests import Grammar
from modules.engine.constraints import GrammarCompiler
from modules.loaders.base import Sampled, Sequence, TextRunner, TokenConstraint
from tests.contract.loaders import LoaderCase

STORY = "<|im_start|>user\nTell me a story.<|im_end|>\n<|im_start|>assistant\n"
Begin = Callable[..., Sequence]


@pytest.fixture(scope="module")
def runner(case: LoaderCase) -> Iterator[TextRunner]:
    runner = case.load(parallel=2)
    yield runner
    runner.close()


@pytest.fixture
def begin(runner: TextRunner) -> Iterator[Begin]:
    """begin(constraint, **sampling and other fields of the request): an admitted sequence."""
    from modules.core.requests import GenerationRequest
    from modules.core.sampling import SamplingParams

    begun: list[Sequence] = []

    def begin(
        constraint: TokenConstraint | None = None,
        sampling: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Sequence:
        ids = tuple(runner.tokenizer.encode(STORY, add_special=True, parse_special=True))
        params = SamplingParams().updated(sampling or {"temperature": 0})
        request = GenerationRequest(ids, 100, params, **fields)
        runner.prepare(request)
        begun.append(Sequence(request, list(ids), constraint))
        assert runner.admit(begun[-1])
        return begun[-1]

    yield begin
    for sequence in begun:
        runner.release(sequence)


def next_token(runner: TextRunner) -> Sampled:
    """Steps until there is one."""
    for _ in range(50):
        step = runner.step()
        assert not step.failed
        if step.sampled:
            return step.sampled[0]
    raise AssertionError("no token came")


def reply(runner: TextRunner, count: int) -> list[int]:
    return [next_token(runner).token_id for _ in range(count)]


def ids_of(runner: TextRunner, text: str) -> list[int]:
    return runner.tokenizer.encode(text, add_special=False, parse_special=True)


@pytest.mark.parametrize("sampling", [{"temperature": 0}, {"temperature": 1, "seed": 3}])
def test_forced_tokens_come_next_and_the_reply_goes_on_from_them(
    runner: TextRunner, begin: Begin, sampling: Mapping[str, Any]
) -> None:
    sequence = begin(sampling=sampling)
    reply(runner, 2)
    forced = ids_of(runner, "</think> Paris is big")
    sequence.forced.extend(forced)
    assert reply(runner, len(forced)) == forced
    assert not sequence.forced
    reply(runner, 2)
    assert sequence.tokens[sequence.prompt_length + 2 :][: len(forced)] == forced
    assert len(sequence.tokens) == sequence.prompt_length + 4 + len(forced)


def test_a_forced_token_is_reported_with_the_probability_that_it_had(
    runner: TextRunner, begin: Begin
) -> None:
    sequence = begin(logprobs=2)
    [forced] = ids_of(runner, "</think>")
    sequence.forced.append(forced)
    sampled = next_token(runner)
    assert sampled.logprob is not None
    assert sampled.logprob.chosen.token_id == forced
    assert sampled.logprob.chosen.logprob < sampled.logprob.alternatives[0].logprob


def test_penalties_count_forced_tokens(runner: TextRunner, begin: Begin) -> None:
    """A word that is wanted above all, and punished once it was said."""
    [word] = ids_of(runner, "cat")
    sampling = {"temperature": 0, "logit_bias": {word: 30}, "repetition_penalty": 10}
    sequence = begin(sampling=sampling)
    assert reply(runner, 1) == [word]
    runner.release(sequence)
    begin(sampling=sampling).forced.append(word)
    first, second = reply(runner, 2)
    assert first == word
    assert second != word


def test_the_grammar_walks_along_with_forced_tokens(runner: TextRunner, begin: Begin) -> None:
    compiler = GrammarCompiler(runner.build_grammar_tokenizer)
    begin(compiler.compile(Grammar("regex", "cat and (dog|bird)"))).forced.extend(
        ids_of(runner, "cat and b")
    )
    text = b""
    while not text.endswith(b"ird"):
        text += runner.tokenizer.piece(next_token(runner).token_id, special=False)
    assert text == b"cat and bird"


def test_control_texts_are_what_parsing_makes_one_token(runner: TextRunner) -> None:
    tokenizer = runner.tokenizer
    assert {"<|im_start|>", "<|im_end|>", "<think>", "<tool_call>"} <= tokenizer.control_texts
    for text in tokenizer.control_texts:
        [token_id] = tokenizer.encode(text, add_special=False, parse_special=True)
        assert tokenizer.control_text(token_id) == text
    assert tokenizer.control_text(ids_of(runner, "cat")[0]) is None


@pytest.mark.parametrize("length", range(4080, 4100))
def test_a_mark_behind_a_long_run_of_letters_is_still_read(runner: TextRunner, length: int) -> None:
    ids = runner.tokenizer.encode(
        "a" * length + "<|im_end|>b", add_special=False, parse_special=True
    )
    assert [runner.tokenizer.control_text(id_) for id_ in ids].count("<|im_end|>") == 1
    assert runner.tokenizer.piece(ids[-1], special=False) == b"b"


def test_no_text_is_read_as_a_control_token_unless_it_may_be(runner: TextRunner) -> None:
    tokenizer = runner.tokenizer
    marks = sorted(tokenizer.control_texts)
    text = "a" + " b".join(marks) + "<" + "".join(marks)
    ids = tokenizer.encode(text, add_special=False, parse_special=False)
    assert not any(tokenizer.control_text(token_id) for token_id in ids)
    assert b"".join(tokenizer.piece(i, special=True) for i in ids).decode() == text
