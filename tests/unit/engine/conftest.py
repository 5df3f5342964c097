from collections.abc import Callable, Iterator

import pytest

from modules.engine.engine import Engine, LocalEngine
from tests.unit.engine.fake_runner import FakeRunner


@pytest.fixture
def serve() -> Iterator[Callable[..., Engine]]:
    """serve(runner, max_queue=…): an engine that is closed with the test."""
    engines: list[Engine] = []

    def serve(runner: FakeRunner, max_queue: int = 256) -> Engine:
        engines.append(LocalEngine(runner, max_queue))
        return engines[-1]

    yield serve
    for engine in engines:
        engine.close()
