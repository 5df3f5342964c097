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
        return _without_model(context, loading)
    statistics = current.engine.statistics
    return HealthResponse(
        model=current.info.name,
        model_state="ready",
        loading=loading,
        slots=statistics.slots,
        running=statistics.running,
        waiting=statistics.waiting,
    )


def _without_model(context: AppContext, loading: LoadProgressInfo | None) -> HealthResponse:
    """What sleeps is told by its name: requests are answered as if it were there, after a moment."""
    asleep = next(iter(context.models.asleep), None)
    if loading is not None:
        return HealthResponse(model=None, model_state="loading", loading=loading)
    return HealthResponse(model=asleep, model_state="sleeping" if asleep else "none")


def to_progress(context: AppContext) -> LoadProgressInfo | None:
    load = context.models.loading
    if load is None:
        return None
    return LoadProgressInfo(
        model_name=load.name, progress=round(load.progress, 3), seconds=round(load.seconds, 3)
    )
