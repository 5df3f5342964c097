"""One batch of pictures in the making: the request that waits for it, and the look at how far it is beside it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modules.core.errors import AppError, ModelError, NotReady
from modules.core.images import ImagePreview, ImageRequest
from modules.core.jobs import Job
from modules.loaders.images.a1111.client import Limits, WebuiClient
from modules.loaders.images.a1111.payload import route_of
from modules.loaders.images.a1111.pictures import decode_picture, max_bytes
from modules.loaders.images.a1111.progress import TaskProgress
from modules.loaders.images.a1111.refusals import check_reply

log = logging.getLogger("hearth.images")

LOOK_S = 0.5
SILENCE_S = 120.0
"""A server that loads a checkpoint may be silent for long; one that is silent for longer is gone."""
PICTURE_S = 3600.0
INTERRUPT_S = 3.0
RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch stands among all: `first`, the index of its first picture, and steps of the batches before it, of all."""

    first: int
    steps_before: int
    steps_total: int


class DrawingTask:
    """`request` is of one batch. Every way out of `run` closes the connection and stops what is surely our work there."""

    def __init__(
        self,
        client: WebuiClient,
        progress: TaskProgress,
        request: ImageRequest,
        job: Job,
        send: Callable[[ImagePreview], object],
    ) -> None:
        self._client = client
        self._progress = progress
        self._request = request
        self._job = job
        self._send = send
        self._previews = 0

    async def run(self, payload: dict[str, Any], place: Place) -> Any:
        """The server's answer. NotReady when the server goes, ModelError when it fails."""
        await self._progress.begin()
        drawing = asyncio.create_task(self._draw(payload))
        watching = asyncio.create_task(self._watch(place))
        try:
            await asyncio.wait({drawing, watching}, return_when=asyncio.FIRST_COMPLETED)
            return drawing.result() if drawing.done() else watching.result()
        finally:
            watching.cancel()
            if not drawing.done():
                await self._interrupt(drawing)
                drawing.cancel()
            await asyncio.gather(drawing, watching, return_exceptions=True)

    async def _draw(self, payload: dict[str, Any]) -> Any:
        limits = Limits(read_s=PICTURE_S, max_bytes=max_bytes(self._request))
        reply = await self._client.post(route_of(self._request), payload, limits)
        return check_reply(reply, self._request.prompt, self._request.negative_prompt)

    async def _watch(self, place: Place) -> None:
        """Ends only by raising."""
        heard = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._look(place)
                heard = time.monotonic()
            except ModelError:  # progress is a courtesy: an odd answer spoils no picture
                heard = time.monotonic()
            except NotReady:
                if time.monotonic() - heard > SILENCE_S:
                    raise

    async def _look(self, place: Place) -> None:
        glance = await self._progress.look(self._limits, with_preview=False)
        if glance is None:
            return
        done = round(glance.fraction * self._request.steps_taken)
        self._job.note(place.steps_before + done, place.steps_total)
        if self._is_preview_due(glance.fraction):
            glance = await self._progress.look(self._limits, with_preview=True)
            if glance is not None and glance.preview is not None:
                self._send_preview(glance.preview, place)

    @property
    def _limits(self) -> Limits:
        return Limits(max_bytes=max_bytes(self._request))

    def _is_preview_due(self, fraction: float) -> bool:
        """Evenly spread over the way, as far as looking now and then allows."""
        wanted = self._request.previews
        return self._previews < wanted and fraction >= (self._previews + 1) / (wanted + 1)

    def _send_preview(self, preview: str, place: Place) -> None:
        try:
            image = decode_picture(preview, self._request)
        except ModelError:  # a preview is a courtesy: one that cannot be read is left out
            return
        self._send(ImagePreview(place.first, self._previews, image))
        self._previews += 1

    async def _interrupt(self, drawing: asyncio.Task[Any]) -> None:
        """Stop what the server draws, once that is surely ours: others use it too. What still waits there for its turn is left alone."""
        with contextlib.suppress(AppError, TimeoutError):
            async with asyncio.timeout(INTERRUPT_S):
                while not drawing.done():
                    if await self._progress.look(Limits(), with_preview=False) is not None:
                        await self._client.post("/sdapi/v1/interrupt", {}, Limits())
                        return
                    await asyncio.sleep(RETRY_S)
        if not drawing.done():
            log.info("The image server may yet draw a picture that nobody waits for any more")
