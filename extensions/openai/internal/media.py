"""/v1/internal/media: models for embeddings, audio and images: what is there, what is loaded, what they work at; load and unload."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from extensions.openai.dependencies import AdminOnly, Context, note_ignored
from extensions.openai.internal.media_types import (
    LoadedMedia,
    MediaJob,
    MediaKind,
    MediaKinds,
    MediaLoadRequest,
    MediaUnloadRequest,
)
from extensions.openai.response_types import LoadProgressInfo
from modules.core.jobs import Job
from modules.engine.media.pool import ModelPool
from modules.engine.media.worker import Worker
from modules.loaders.media_catalog import Kind

router = APIRouter(prefix="/v1/internal/media", tags=["internal"])


def _pool(kind: Kind, context: Context) -> ModelPool[Any]:
    return getattr(context.media, kind)


Pool = Annotated[ModelPool[Any], Depends(_pool)]


@router.get("")
async def list_media(context: Context) -> MediaKinds:
    """All kinds, each with its installed and loaded models and its running jobs."""
    return MediaKinds(data=[await to_media_kind(pool) for pool in context.media.pools])


@router.get("/{kind}")
async def show_media(pool: Pool) -> MediaKind:
    """One kind; jobs say how far they are, an image its steps."""
    return await to_media_kind(pool)


@router.post("/{kind}/load", dependencies=[AdminOnly])
async def load_media_model(
    body: MediaLoadRequest, response: Response, pool: Pool, context: Context
) -> MediaKind:
    """Answers when the model is loaded; one that is loaded already is loaded anew with these args."""
    note_ignored(body, response, context)
    wanted = await asyncio.to_thread(pool.catalog.get, body.model_name, param="model_name")
    await pool.load(wanted, body.args)
    return await to_media_kind(pool)


@router.post("/{kind}/unload", dependencies=[AdminOnly])
async def unload_media_model(
    response: Response, pool: Pool, context: Context, body: MediaUnloadRequest | None = None
) -> MediaKind:
    """One model, or all of this kind. Requests that run now end first; the next request loads again."""
    if body is not None:
        note_ignored(body, response, context)
    await pool.unload(body.model_name if body is not None else None)
    return await to_media_kind(pool)


async def to_media_kind(pool: ModelPool[Any]) -> MediaKind:
    models = await asyncio.to_thread(pool.catalog.models)
    loading = pool.loading
    return MediaKind(
        kind=pool.kind,
        model_names=[model.name for model in models],
        loaded=[_to_loaded(worker) for worker in pool.loaded],
        loading=None
        if loading is None
        else LoadProgressInfo(
            model_name=loading.name, progress=loading.progress, seconds=round(loading.seconds, 3)
        ),
        last_error=pool.last_error,
        jobs=[_to_job(job) for job in pool.jobs],
    )


def _to_loaded(worker: Worker[Any]) -> LoadedMedia:
    info = worker.model.info
    return LoadedMedia(
        model_name=worker.name,
        loader=info.loader,
        capabilities=list(info.capabilities),
        size_bytes=info.size_bytes,
        options=dict(info.options),
        loaded_at=worker.loaded_at,
        in_use=worker.leases,
    )


def _to_job(job: Job) -> MediaJob:
    return MediaJob(id=job.stop_id or None, running=job.is_running, done=job.done, total=job.total)
