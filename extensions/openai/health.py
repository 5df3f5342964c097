"""GET /health, without a key: the server answers, and what state the model is in."""

from fastapi import APIRouter

from extensions.openai.dependencies import Context
from extensions.openai.response_types import HealthResponse, LoadProgressInfo
from modules.context import AppContext

router = APIRouter(tags=["health"])


@router.get("/health")
async def get_health(context: Context) -> HealthResponse:
    """200 as soon as the server answers; `model_state` says whether it can generate."""
    return to_health(context)


@router.get("/v1/internal/health")
async def get_internal_health(context: Context) -> HealthResponse:
    return to_health(context)


def to_health(context: AppContext) -> HealthResponse:
    current, loading = context.models.current, to_progress(context)
    if current is None:
        state = "none" if loading is None else "loading"
        return HealthResponse(model=None, model_state=state, loading=loading)
    statistics = current.engine.statistics
    return HealthResponse(
        model=current.info.name,
        model_state="ready",
        loading=loading,
        slots=statistics.slots,
        running=statistics.running,
        waiting=statistics.waiting,
    )


def to_progress(context: AppContext) -> LoadProgressInfo | None:
    load = context.models.loading
    if load is None:
        return None
    return LoadProgressInfo(
        model_name=load.name, progress=round(load.progress, 3), seconds=round(load.seconds, 3)
    )
