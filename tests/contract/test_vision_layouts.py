"""Kinds of pictures that the bundled model does not have: shared positions, rows that see each other, slices. llama.cpp's own helper is the judge."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modules.core.errors import LoadError, RequestError
from modules.core.events import Completion
from modules.core.messages import Image
from modules.engine.engine import Engine, LocalEngine
from tests.contract.conftest import complete
from tests.contract.drawings import drawn, look
from tests.contract.loaders import LoaderCase
from tests.contract.mtmd_oracle import Oracle
from tests.contract.vision_models import (
    write_seeing_each_other,
    write_shared_positions,
    write_sliced,
)

pytestmark = pytest.mark.anyio
COUNT = 12
WRITERS = (write_shared_positions, write_seeing_each_other, write_sliced)


class Layout:
    def __init__(self, model: Path) -> None:
        self.case = LoaderCase("llamacpp", model, {}, ())
        self.oracle = Oracle(model, model.with_name(f"{model.stem}-mmproj.gguf"))
        self._engines: list[Engine] = []

    def load(self, **options: Any) -> Engine:
        self._engines.append(LocalEngine(self.case.load(**options)))
        return self._engines[-1]

    def close(self) -> None:
        for engine in self._engines:
            engine.close()
        self.oracle.close()


@pytest.fixture(scope="module", params=WRITERS, ids=lambda write: write.__name__)
def layout(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Layout]:
    layout = Layout(request.param(tmp_path_factory.mktemp("models")))
    yield layout
    layout.close()


def noise(width: int, height: int, seed: int) -> Image:
    return Image(width, height, random.Random(seed).randbytes(width * height * 3))


PROMPTS: list[tuple[str | Image, ...]] = [
    ("What is ", noise(64, 64, 1), " and what is it like?"),
    (noise(200, 100, 2), "Tell me more about it"),
    ("One ", noise(64, 64, 1), " two ", noise(30, 120, 3), " three"),
    ("Both ", noise(64, 64, 1), noise(64, 64, 4), " are"),
    ("It ends with ", noise(100, 100, 5)),
]


async def ask(engine: Engine, *prompts: tuple[str | Image, ...]) -> list[Completion]:
    sampling = {"temperature": 0, "ban_eos_token": False}
    requests = [
        look(engine, *parts, max_tokens=COUNT, logprobs=1, sampling=sampling) for parts in prompts
    ]
    return await complete(engine, *requests)


def assert_same(done: Completion, expected: list[int]) -> None:
    """Token for token, up to the end of the reply."""
    ids = [token.chosen.token_id for token in done.logprobs]
    assert ids == expected[: len(ids)]
    assert len(ids) == COUNT or done.reason == "stop"


@pytest.mark.parametrize("prompt", PROMPTS, ids=range(len(PROMPTS)))
async def test_replies_are_those_of_llama_cpps_own_helper(
    layout: Layout, prompt: tuple[str | Image, ...]
) -> None:
    expected = layout.oracle.reply(*prompt, count=COUNT)
    engine = layout.load(parallel=2)
    for _ in range(2):  # the second time from the cache
        [done] = await ask(engine, prompt)
        assert_same(done, expected)
    assert done.usage.cached_tokens > 0


async def test_many_at_once_agree_with_the_helper(layout: Layout) -> None:
    engine = layout.load(parallel=8, kv_unified=True)
    expected = [layout.oracle.reply(*prompt, count=COUNT) for prompt in PROMPTS]
    for _ in range(2):
        for done, wanted in zip(await ask(engine, *PROMPTS), expected, strict=True):
            assert_same(done, wanted)


async def test_a_common_beginning_with_a_picture_is_reused(layout: Layout) -> None:
    engine = layout.load(parallel=2)
    image = noise(64, 64, 7)
    for end in (" is red", " was blue", " is"):
        expected = layout.oracle.reply("Look: ", image, end, count=COUNT)
        [done] = await ask(engine, ("Look: ", image, end))
        assert_same(done, expected)
    assert done.usage.cached_tokens >= engine.place_image(image).length


async def test_a_picture_in_small_steps_is_the_same(layout: Layout) -> None:
    engine = layout.load(parallel=2, batch_size=64, ubatch_size=64, prompt_budget=32)
    prompts = PROMPTS[:4]
    for prompt, done in zip(prompts, await ask(engine, *prompts), strict=True):
        expected = layout.oracle.reply(*prompt, count=COUNT)
        assert_same(done, expected)


async def test_a_picture_that_must_be_computed_at_once_needs_a_ubatch_for_it(
    tmp_path: Path,
) -> None:
    model = write_seeing_each_other(tmp_path)
    engine = LocalEngine(LoaderCase("llamacpp", model, {}, ()).load(parallel=1, ubatch_size=32))
    try:
        with pytest.raises(RequestError, match="64 tokens at once, and ubatch_size is 32"):
            engine.place_image(drawn("red", "circle", "white"))
    finally:
        engine.close()


async def test_a_projector_whose_marks_the_vocabulary_lacks_is_an_error(tmp_path: Path) -> None:
    model = write_sliced(tmp_path, marks={})
    with pytest.raises(LoadError, match="lacks the marks"):
        LoaderCase("llamacpp", model, {}, ()).load(mmproj="sliced-mmproj.gguf")
