"""GET /v1/models and /v1/models/{id}: what is loaded first, then all that is installed."""

import asyncio
from typing import Any

from fastapi import APIRouter

from extensions.openai.dependencies import Context
from extensions.openai.response_types import ModelList, ModelMeta, ModelObject
from modules.context import AppContext
from modules.core.errors import NotFound
from modules.engine.media.worker import Worker
from modules.engine.model import LoadedModel
from modules.loaders.catalog import InstalledModel
from modules.loaders.media_catalog import InstalledMedia

router = APIRouter(tags=["models"])

OWNER = "local"


@router.get("/v1/models")
async def list_models(context: Context) -> ModelList:
    return ModelList(data=await asyncio.to_thread(collect_models, context))


@router.get("/v1/models/{model_id:path}")
async def get_model(model_id: str, context: Context) -> ModelObject:
    """By id or alias; an id may contain slashes."""
    wanted = await asyncio.to_thread(_real_name, model_id, context)
    for model in await asyncio.to_thread(collect_models, context):
        if model.id == wanted:
            return model
    raise NotFound(f"The model {model_id!r} does not exist.", param="model", code="model_not_found")


def _real_name(name: str, context: AppContext) -> str:
    for catalog in (context.models.catalog, *(pool.catalog for pool in context.media.pools)):
        installed = catalog.find(name)
        if installed is not None:
            return installed.name
    return name


def collect_models(context: AppContext) -> list[ModelObject]:
    current = context.models.current
    listed = [] if current is None else [_loaded(current)]
    loaded_name = None if current is None else current.info.name
    installed = [m for m in context.models.catalog.models() if m.name != loaded_name]
    listed += [_installed(model) for model in installed]
    for pool in context.media.pools:
        loaded = {worker.name: worker for worker in pool.loaded}
        listed += [_media(pool.kind, m, loaded.get(m.name)) for m in pool.catalog.models()]
    return listed


def _media(kind: str, model: InstalledMedia, worker: Worker[Any] | None) -> ModelObject:
    """What it can do stands in its capabilities: most programs show all of this list to choose a model to chat with."""
    known = () if worker is None else worker.model.info.capabilities
    meta = ModelMeta(
        loaded=worker is not None,
        loader=model.loader,
        capabilities=list(known) or [kind],
        size_bytes=model.size_bytes,
    )
    created = model.created if worker is None else worker.loaded_at
    return ModelObject(id=model.name, created=created, owned_by=OWNER, meta=meta)


def _loaded(model: LoadedModel) -> ModelObject:
    info = model.info
    meta = ModelMeta(
        loaded=True,
        loader=info.loader,
        context_length=info.context_length,
        train_context_length=info.train_context_length,
        slots=info.slots,
        capabilities=list(info.capabilities),
        size_bytes=info.size_bytes,
    )
    return ModelObject(id=info.name, created=model.loaded_at, owned_by=OWNER, meta=meta)


def _installed(model: InstalledModel) -> ModelObject:
    meta = ModelMeta(loaded=False, loader=model.loader, size_bytes=model.size_bytes)
    return ModelObject(id=model.name, created=model.created, owned_by=OWNER, meta=meta)
