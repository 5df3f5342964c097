"""Reuse of prefixes on every kind of KV memory: whatever is reused, the text is that of a fresh start."""

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("gguf")

from modules.core.errors import LoadError, ModelError
from modules.core.events import Completion
from modules.core.requests import GenerationRequest
from modules.core.sampling import SamplingParams
from modules.engine.engine import Engine, LocalEngine
from modules.loaders.llamacpp.model import load_runner
from modules.loaders.registry import default_load_args
from tests.contract.memory_models import (
    write_embedder_header,
    write_recurrent,
    write_sliding_window,
)

pytestmark = pytest.mark.anyio

WRITERS: dict[str, Callable[[Path], None]] = {
    "sliding_window": write_sliding_window,
    "recurrent": write_recurrent,
}
LENGTH = 1200  # more than the window and a batch of 512, which is what the memory of a window holds
SHARED = (20, 100, 500, 700, 900, 1150, 1199, 1200)


@pytest.fixture(scope="module", params=WRITERS)
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("memories") / f"{request.param}.gguf"
    WRITERS[request.param](target)
    return target


@pytest.fixture
def start(path: Path) -> Iterator[Callable[..., Engine]]:
    engines: list[Engine] = []

    def build(**options: object) -> Engine:
        given = {**default_load_args("llamacpp"), "threads": 1, **options}
        engines.append(LocalEngine(load_runner(path, path.name, given, lambda _: True)))
        return engines[-1]

    yield build
    for engine in engines:
        engine.close()


def ask(ids: list[int], tokens: int = 12) -> GenerationRequest:
    sampling = SamplingParams(temperature=0, ban_eos_token=True)
    return GenerationRequest(tuple(ids), tokens, sampling, logprobs=0)


def scores(done: Completion) -> object:
    """Log-probabilities of the reply's tokens: they tell a wrong memory where the text may still be the same."""
    return pytest.approx([token.chosen.logprob for token in done.logprobs], abs=0.02)


def found(done: Completion) -> list[float]:
    return [token.chosen.logprob for token in done.logprobs]


def prompts() -> tuple[list[int], list[list[int]]]:
    """A prompt, and others that share their first so many tokens with it."""
    numbers = random.Random(7)

    def fresh(count: int) -> list[int]:
        return [numbers.randrange(300, 1400) for _ in range(count)]

    first = fresh(LENGTH)
    return first, [[*first[:shared], *fresh(8)] for shared in SHARED]


async def alone(start: Callable[..., Engine], ids: list[int]) -> object:
    engine = start(parallel=1)
    return scores(await engine.complete(ask(ids)))


@pytest.mark.parametrize("shared", range(len(SHARED)), ids=[f"shared{n}" for n in SHARED])
async def test_what_is_reused_does_not_change_the_text(
    start: Callable[..., Engine], shared: int
) -> None:
    first, others = prompts()
    expected = await alone(start, others[shared])
    for slots in (1, 3):
        engine = start(parallel=slots)
        await engine.complete(ask(first))
        again: Completion = await engine.complete(ask(others[shared]))
        assert found(again) == expected, f"{slots} slots, {again.usage.cached_tokens} reused"


async def test_a_conversation_goes_on_from_all_of_its_cache(start: Callable[..., Engine]) -> None:
    engine = start(parallel=2)
    first, _ = prompts()
    done = await engine.complete(ask(first))
    ids = engine.tokenizer.encode(done.text, add_special=False, parse_special=False)
    history = [*first, *ids]
    expected = await alone(start, [*history, 500, 501, 502])
    again = await engine.complete(ask([*history, 500, 501, 502]))
    assert found(again) == expected


async def test_several_that_share_a_prefix_at_once(start: Callable[..., Engine]) -> None:
    first, _ = prompts()
    tails = [[310 + i, 400 + i, 500 + i] * 5 for i in range(4)]
    expected = [await alone(start, first + tail) for tail in tails]
    engine = start(parallel=4)
    done = await asyncio.gather(*(engine.complete(ask(first + tail)) for tail in tails))
    assert [found(each) for each in done] == expected
    assert [each.usage.cached_tokens for each in done] == [0, LENGTH, LENGTH, LENGTH]


async def test_a_model_that_computes_no_numbers_is_an_error_not_a_text(tmp_path: Path) -> None:
    target = tmp_path / "damaged.gguf"
    write_sliding_window(target, norm=float("nan"))
    runner = load_runner(target, target.name, default_load_args("llamacpp"), lambda _: True)
    engine = LocalEngine(runner)
    try:
        for sampling in (SamplingParams(), SamplingParams(temperature=0)):
            with pytest.raises(ModelError, match="damaged"):
                await engine.complete(GenerationRequest((310, 311, 312), 4, sampling))
        assert engine.statistics.running == 0
    finally:
        engine.close()


async def test_a_model_that_only_embeds_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "embedder.gguf"
    write_embedder_header(target)
    with pytest.raises(LoadError, match="embedding model"):
        load_runner(target, target.name, default_load_args("llamacpp"), lambda _: True)
