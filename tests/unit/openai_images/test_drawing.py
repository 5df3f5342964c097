"""Pictures on their way from the worker's thread to a reader that takes its time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from modules.core.errors import Cancelled
from modules.core.images import ImageEvent, ImageRequest, MadeImage
from modules.core.jobs import Job
from modules.core.messages import Image
from modules.engine.media.drawing import (
    MAX_UNREAD,
    DrawnFile,
    drawn_files,
    start,
)
from modules.engine.media.statistics import MediaStatistics
from modules.engine.media.worker import Worker
from modules.loaders.media_base import MediaInfo
from modules.pictures.finish import Finish
from modules.pictures.sizes import Size

pytestmark = pytest.mark.anyio

PATIENCE_S = 20.0
COUNT = 12


@dataclass
class Draughtsman:
    """Draws nothing much, and counts."""

    made: int = 0
    info: MediaInfo = field(default_factory=lambda: MediaInfo("fake", "fake", ()))

    def draw(self, request: ImageRequest, job: Job, send: Callable[[ImageEvent], None]) -> None:
        for index in range(request.count):
            self.made += 1
            send(MadeImage(index, 7 + index, Image(16, 16, bytes(16 * 16 * 3))))

    def close(self) -> None:
        pass


@dataclass
class Pool:
    statistics: MediaStatistics = field(default_factory=MediaStatistics)


def finish() -> Finish:
    request = ImageRequest("a dot", 16, 16, 1, 1.0, 7, batch_count=COUNT)
    return Finish(request, "fake", Size(16, 16))


@pytest.fixture
async def worker() -> AsyncIterator[Worker[Any]]:
    worker: Worker[Any] = Worker("fake")
    await worker.load(Draughtsman)
    yield worker
    worker.close()
    await asyncio.wait_for(worker.closed.wait(), PATIENCE_S)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def test_drawing_waits_for_a_slow_reader_and_loses_nothing(worker: Worker[Any]) -> None:
    pool = Pool()
    drawings = start(finish(), worker, Job())
    await until(lambda: worker.model.made == MAX_UNREAD + 1)
    await asyncio.sleep(0.3)
    assert worker.model.made == MAX_UNREAD + 1
    files: list[DrawnFile] = [file async for file in drawn_files(drawings, cast("Any", pool))]
    assert [(file.index, file.seed) for file in files] == [(n, 7 + n) for n in range(COUNT)]
    assert all(file.data.startswith(b"\x89PNG") for file in files)
    assert pool.statistics.units == COUNT


async def test_a_reader_that_leaves_ends_the_job(worker: Worker[Any]) -> None:
    drawings = start(finish(), worker, Job())
    await until(lambda: worker.model.made == MAX_UNREAD + 1)
    await drawings.stream.aclose()
    await until(lambda: not worker.jobs)
    assert worker.model.made == MAX_UNREAD + 1


async def test_a_reader_that_takes_nothing_is_told_when_it_comes_back(worker: Worker[Any]) -> None:
    drawings = start(finish(), worker, Job(), patience_s=0.1)
    await until(lambda: not worker.jobs)
    with pytest.raises(Cancelled, match="nobody read"):
        async for _ in drawn_files(drawings, cast("Any", Pool())):
            pass
