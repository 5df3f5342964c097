"""A request for pictures in the making: pictures and previews as files, in their order, as they are done.

Files are made in the worker's thread, and only a few wait for the reader: pixels of many pictures would fill the memory.
"""

import asyncio
import base64
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self

from modules.core.images import ImageEvent, MadeImage
from modules.core.jobs import Job
from modules.engine.media.backlog import Backlog
from modules.engine.media.job_stream import JobStream
from modules.engine.media.pool import ModelPool
from modules.engine.media.worker import Worker
from modules.loaders.media_base import Imager
from modules.pictures.finish import Finish

MAX_UNREAD = 4
PATIENCE_S = 120.0
"""A client that reads nothing of its stream for so long ends its drawing: others wait for the model."""


@dataclass(frozen=True, slots=True)
class DrawnFile:
    """`index`: of which of the request's pictures. It is done where it has a `seed`, else a preview, of this number."""

    index: int
    data: bytes
    seed: int | None = None
    preview: int | None = None

    @classmethod
    def of(cls, event: ImageEvent, finish: Finish) -> Self:
        """Blocking."""
        data = finish.file(event)
        if isinstance(event, MadeImage):
            return cls(event.index, data, seed=event.seed)
        return cls(event.index, data, preview=event.number)

    async def base64(self) -> str:
        return (await asyncio.to_thread(base64.b64encode, self.data)).decode("ascii")


def new_job() -> Job:
    """Its id names it for those who stop it."""
    return Job(stop_id=f"img-{uuid.uuid4().hex}")


@dataclass(frozen=True, slots=True)
class Drawings:
    """The files of one job that have been made, and are waiting to be read."""

    stream: JobStream[DrawnFile]
    backlog: Backlog


def start(
    finish: Finish, worker: Worker[Imager], job: Job, patience_s: float = PATIENCE_S
) -> Drawings:
    """Busy is raised here, before anything of a response has gone out."""
    backlog = Backlog(MAX_UNREAD, patience_s)

    def work(model: Imager, own: Job, send: Callable[[DrawnFile], None]) -> None:
        def keep(event: ImageEvent) -> None:
            file = DrawnFile.of(event, finish)
            backlog.wait(own)
            send(file)

        model.draw(finish.request, own, keep)

    return Drawings(worker.stream(work, job), backlog)


async def drawn_files(drawings: Drawings, pool: ModelPool[Imager]) -> AsyncGenerator[DrawnFile]:
    """Ends the job when it is closed."""
    async with aclosing(drawings.stream) as stream:
        async for file in stream:
            yield file
            drawings.backlog.note_taken()
            if file.seed is not None:
                pool.statistics.units += 1
