"""POST /v1/internal/stop-generation: end all that is running, or one reply or job by the id of its response."""

from fastapi import APIRouter, Response

from extensions.openai.dependencies import Context, note_ignored
from extensions.openai.response_types import StopResponse
from extensions.openai.typing import StopRequest
from modules.core.errors import NotFound

router = APIRouter(prefix="/v1/internal", tags=["internal"])


@router.post("/stop-generation")
async def stop_generation(
    response: Response, context: Context, body: StopRequest | None = None
) -> StopResponse:
    """A stopped reply ends with what it has so far and finish_reason "stop"; stopped work on audio or images is answered with 409."""
    if body is not None:
        note_ignored(body, response, context)
    stop_id = body.id if body is not None else None
    stopped = context.models.stop(stop_id) + context.media.stop(stop_id)
    if stop_id is not None and not stopped:
        raise NotFound(f"Nothing with the id {stop_id!r} is running.", param="id")
    return StopResponse(stopped=stopped)
