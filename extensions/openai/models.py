"""GET /v1/models and /v1/models/{id}: what is loaded first, then all that is installed."""

import asyncio

from fastapi import APIRouter

from extensions.openai.dependencies import Context
from extensions.openai.response_types import ModelList, ModelMeta, ModelObject
from modules.context import AppContext
from modules.core.errors import NotFound
from modules.engine.model import LoadedModel
from modules.loaders.catalog import InstalledModel

router = APIRouter(tags=["models"])

OWNER = "local"


@router.get("/v1/models")
async def list_models(context: Context) -> ModelList:
    return ModelList(data=await asyncio.to_thread(collect_models, context))


@router.get("/v1/models/{model_id:path}")
async def get_model(model_id: str, context: Context) -> ModelObject:
    """By id or alias; an id may contain slashes."""
    installed = await asyncio.to_thread(context.models.catalog.find, model_id)
    wanted = installed.name if installed is not None else model_id
    for model in await asyncio.to_thread(collect_models, context):
        if model.id == wanted:
            return model
    raise NotFound(f"The model {model_id!r} does not exist.", param="model", code="model_not_found")


def collect_models(context: AppContext) -> list[ModelObject]:
    current = context.models.current
    listed = [] if current is None else [_loaded(current)]
    loaded_name = None if current is None else current.info.name
    installed = [m for m in context.models.catalog.models() if m.name != loaded_name]
    return listed + [_installed(model) for model in installed]


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
