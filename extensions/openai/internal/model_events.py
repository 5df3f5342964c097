"""GET /v1/internal/model/events: loads with their progress, and what leaves, as server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

from fastapi import APIRouter
from starlette.responses import Response

from extensions.openai.dependencies import Context
from extensions.openai.internal.model_types import ModelEventInfo
from extensions.openai.sse import EventStreamResponse, frame_of, guarded
from modules.engine.model_events import Listener

router = APIRouter(prefix="/v1/internal/model", tags=["internal"])


@router.get("/events", response_class=Response)
async def watch_models(context: Context) -> EventStreamResponse:
    """The first events say what is loaded and what is loading; `unloaded` without a model says that nothing is."""
    cleanup = AsyncExitStack()
    listener = context.models.listen()
    cleanup.callback(context.models.leave, listener)
    frames = guarded(_frames(listener), sends_done=True)
    return EventStreamResponse(frames, cleanup, context.settings.api_keep_alive_s, {})


async def _frames(listener: Listener) -> AsyncGenerator[bytes]:
    async for event in listener:
        body = ModelEventInfo(
            type=event.type,
            model=event.model,
            progress=event.progress,
            seconds=event.seconds,
            error=event.error,
        )
        yield frame_of(body.model_dump_json().encode())
