"""An `Imager` whose pictures are made on another server."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast

from modules.core.images import (
    ImageEvent,
    ImageRequest,
    ImageTraits,
    MadeImage,
    PromptLength,
)
from modules.core.jobs import Job
from modules.loaders.images.a1111.client import WebuiClient
from modules.loaders.images.a1111.payload import split, to_payload
from modules.loaders.images.a1111.pictures import pictures_of, seeds_of
from modules.loaders.images.a1111.progress import find_progress
from modules.loaders.images.a1111.server import LOADER, MULTIPLE, NAME, WebuiServer
from modules.loaders.images.a1111.task import DrawingTask, Place
from modules.loaders.media_base import MediaInfo
from modules.loaders.media_catalog import InstalledMedia

CAPABILITIES = (
    "text_to_image",
    "image_to_image",
    "inpainting",
    "negative_prompt",
    "previews",
)
DEFAULT_SIDE = 512
STEPS = 20
GUIDANCE = 7.0
CHECK_S = 0.1
"""How soon a cancelled job is noticed."""


def load_imager(model: InstalledMedia, _options: Mapping[str, Any]) -> "WebuiImager":
    """Connects to nothing: a server that is away now may be there for the next request. The options are for models that run here."""
    return WebuiImager(model.name, cast("WebuiServer", model.source))


class WebuiImager:
    """Holds no connection between requests, and each request has an event loop of its own, in the worker's thread."""

    def __init__(self, name: str, server: WebuiServer) -> None:
        self.info = MediaInfo(name, LOADER, CAPABILITIES)
        self._server = server

    @property
    def traits(self) -> ImageTraits:
        """Size, steps and guidance are those that the web UI itself begins with."""
        side = self._server.base_size or DEFAULT_SIDE
        return ImageTraits(side, side, MULTIPLE, STEPS, GUIDANCE)

    def measure(self, prompt: str) -> PromptLength:
        """The web UI reads long prompts in pieces, so all of it counts; how many tokens it has is not known here."""
        return PromptLength()

    def draw(self, request: ImageRequest, job: Job, send: Callable[[ImageEvent], object]) -> None:
        checkpoint = None
        if self.info.name != NAME:
            checkpoint = self._server.checkpoints.title(self.info.name)
        asyncio.run(_until_cancelled(self._draw(request, checkpoint, job, send), job))

    async def _draw(
        self,
        request: ImageRequest,
        checkpoint: str | None,
        job: Job,
        send: Callable[[ImageEvent], object],
    ) -> None:
        batches = list(split(request))
        total = sum(batch.steps_taken for batch in batches)
        first = done = 0
        job.note(done, total)
        async with WebuiClient(self._server.address) as client:
            for batch in batches:
                made = await self._draw_batch(
                    client, batch, checkpoint, Place(first, done, total), job, send
                )
                for image in made:
                    send(image)
                first += batch.count
                done += batch.steps_taken
                job.note(done, total)

    async def _draw_batch(
        self,
        client: WebuiClient,
        batch: ImageRequest,
        checkpoint: str | None,
        place: Place,
        job: Job,
        send: Callable[[ImageEvent], object],
    ) -> list[MadeImage]:
        task_id = f"hearth-{uuid.uuid4().hex}"
        payload = to_payload(
            batch, task_id, checkpoint=checkpoint, base_size=self._server.base_size
        )
        progress = await find_progress(client, task_id)
        answer = await DrawingTask(client, progress, batch, job, send).run(payload, place)
        pictures = pictures_of(answer, batch)
        seeds = seeds_of(answer, batch)
        return [
            MadeImage(place.first + i, seed, picture)
            for i, (seed, picture) in enumerate(zip(seeds, pictures, strict=True))
        ]

    def close(self) -> None:
        """Nothing is held."""


async def _until_cancelled(work: Coroutine[Any, Any, None], job: Job) -> None:
    """Do the work, in which every wait ends at once when the job is cancelled."""
    task = asyncio.create_task(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=CHECK_S)
            job.check()
        task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
