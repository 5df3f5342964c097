"""An upload on its way through a transcription model."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import BinaryIO

from fastapi import Request

from extensions.openai.dependencies import while_connected
from extensions.openai.media_lease import lease_worker
from modules.context import AppContext
from modules.core.transcripts import ListeningRequest
from modules.engine.media import hearing
from modules.engine.media.hearing import Hearing
from modules.loaders.media_base import Transcriber


@dataclass(frozen=True, slots=True)
class Upload:
    """`plan`: what to listen for, once the model is known; raises RequestError where the model cannot."""

    file: BinaryIO
    model: str | None
    plan: Callable[[Transcriber], ListeningRequest]


async def start_hearing(
    upload: Upload, request: Request, context: AppContext, stack: AsyncExitStack
) -> Hearing:
    """All errors of the request come from here. The file is not needed any more when this returns; `stack` holds the rest."""
    pool = context.media.transcription
    worker = await stack.enter_async_context(lease_worker(pool, upload.model, context, request))
    wanted = upload.plan(worker.model)
    heard = await hearing.start_hearing(upload.file, worker, wanted, context.settings.max_audio_s)
    stack.push_async_callback(heard.aclose)
    await while_connected(request, heard.begin())
    return heard
