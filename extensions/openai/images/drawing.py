"""A plan in the making: pictures and previews as files, in their order, as they are done."""

import asyncio
import base64
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from extensions.openai.images.plan import ImagePlan
from modules.core.images import ImageEvent, ImageRequest, MadeImage
from modules.core.jobs import Job
from modules.engine.media.job_stream import JobStream
from modules.engine.media.pool import ModelPool
from modules.engine.media.worker import Worker
from modules.loaders.base import Imager


@dataclass(frozen=True, slots=True)
class DrawnFile:
    """`event`: the picture or preview that this is the file of."""

    event: ImageEvent
    data: bytes

    async def base64(self) -> str:
        return (await asyncio.to_thread(base64.b64encode, self.data)).decode("ascii")


def new_job() -> Job:
    """Its id names it for `/v1/internal/stop-generation`."""
    return Job(stop_id=f"img-{uuid.uuid4().hex}")


def start(request: ImageRequest, worker: Worker[Imager], job: Job) -> JobStream[ImageEvent]:
    """Busy is raised here, before anything of a response has gone out."""
    return worker.stream(lambda model, own, send: model.draw(request, own, send), job)


async def drawn_files(
    plan: ImagePlan, events: JobStream[ImageEvent], pool: ModelPool[Imager]
) -> AsyncGenerator[DrawnFile]:
    """Ends the job when it is closed."""
    async with aclosing(events):
        async for event in events:
            yield DrawnFile(event, await asyncio.to_thread(partial(plan.file, event)))
            if isinstance(event, MadeImage):
                pool.statistics.units += 1
