"""GET /v1/models and /v1/models/{id}: what is loaded, used most recently first, then all that is installed."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from extensions.openai.dependencies import Context
from extensions.openai.gate import VIA
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
async def list_models(request: Request, context: Context) -> ModelList:
    """To another Hearth, which passes requests on to this one, only the models of this machine."""
    models = await asyncio.to_thread(collect_models, context, is_local=VIA in request.headers)
    return ModelList(data=models)


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


def collect_models(context: AppContext, *, is_local: bool = False) -> list[ModelObject]:
    """`is_local`: without those of an upstream server, which is not even asked."""
    catalog = context.models.catalog
    loaded = [m for m in context.models.loaded if not (is_local and m.info.renders_itself)]
    names = {model.name for model in loaded}
    listed = [each for model in loaded for each in (_loaded(model), *_adapted(model))]
    known = catalog.local_models() if is_local else catalog.models()
    installed = [m for m in known if m.name not in names]
    listed += [_installed(model) for model in installed]
    for pool in context.media.pools:
        workers = {worker.name: worker for worker in pool.loaded}
        listed += [_media(pool.kind, m, workers.get(m.name)) for m in pool.catalog.models()]
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
        memory_bytes=model.plan.memory.total,
    )
    return ModelObject(id=info.name, created=model.loaded_at, owned_by=OWNER, meta=meta)


def _adapted(model: LoadedModel) -> list[ModelObject]:
    """The model with each of its loaded adapters, as models of their own: most programs let people choose from this list."""
    whole = _loaded(model)
    meta = whole.meta.model_copy(update={"parent": whole.id, "memory_bytes": None})
    return [
        whole.model_copy(update={"id": f"{whole.id}:{name}", "meta": meta})
        for name in model.engine.adapters.names
    ]


def _installed(model: InstalledModel) -> ModelObject:
    meta = ModelMeta(loaded=False, loader=model.loader, size_bytes=model.size_bytes)
    return ModelObject(id=model.name, created=model.created, owned_by=OWNER, meta=meta)
