import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modules.core.events import Completion
from modules.core.requests import GenerationRequest, SamplingParams
from modules.engine.engine import Engine
from tests.contract.loaders import CASES, LoaderCase

PATIENCE_S = 120
STORY = "<|im_start|>user\nTell me a story.<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", params=CASES, ids=lambda case: case.loader)
def case(request: pytest.FixtureRequest) -> Iterator[LoaderCase]:
    """The loaders with a runner in this process; `all_engines` adds what is elsewhere."""
    with request.param.opened() as case:
        yield case


@pytest.fixture(scope="session")
def engine(case: LoaderCase) -> Iterator[Engine]:
    """The demo model with 16 slots, loaded once."""
    engine = case.serve(parallel=16)
    yield engine
    engine.close()


@pytest.fixture
def load(case: LoaderCase) -> Iterator[Callable[..., Engine]]:
    """load(**options): an engine of its own that ends with the test."""
    engines: list[Engine] = []

    def load(**options: Any) -> Engine:
        engines.append(case.serve(**options))
        return engines[-1]

    yield load
    for engine in engines:
        engine.close()


@pytest.fixture
def ask(engine: Engine) -> Callable[..., GenerationRequest]:
    """ask(prompt, max_tokens, **sampling and other fields of the request)."""
    return lambda *args, **details: build_request(engine, *args, **details)


def build_request(
    engine: Engine, prompt: str | list[int] = STORY, max_tokens: int = 24, **details: Any
) -> GenerationRequest:
    ids = prompt
    if isinstance(ids, str):
        ids = engine.tokenizer.encode(ids, add_special=True, parse_special=True)
    fields = {
        name: details.pop(name)
        for name in list(details)
        if name in GenerationRequest.__dataclass_fields__ and name not in ("seed",)
    }
    sampling = SamplingParams().updated(details)
    return GenerationRequest(tuple(ids), max_tokens, sampling, **fields)


async def complete(engine: Engine, *requests: GenerationRequest) -> list[Completion]:
    """All at once."""
    return await asyncio.wait_for(
        asyncio.gather(*(engine.complete(request) for request in requests)), PATIENCE_S
    )


async def complete_one(engine: Engine, request: GenerationRequest) -> Completion:
    return (await complete(engine, request))[0]
