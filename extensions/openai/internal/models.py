"""/v1/internal/model/*: what is loaded, what there is; load and unload (administrators only)."""

import asyncio

from fastapi import APIRouter, Response

from extensions.openai.dependencies import AdminOnly, Context, note_ignored
from extensions.openai.internal.model_info import to_memory, to_model_info
from extensions.openai.internal.model_types import EstimateResponse
from extensions.openai.response_types import ModelInfoResponse, ModelNamesResponse
from extensions.openai.typing import EstimateRequest, LoadRequest, UnloadRequest
from modules.core.errors import NotFound, RequestError
from modules.loaders.registry import loader_name

router = APIRouter(prefix="/v1/internal/model", tags=["internal"])


@router.get("/info")
async def show_model_info(context: Context, model: str | None = None) -> ModelInfoResponse:
    """The model that was used last, or the one that `model` names, with its load args and the options in effect; all that are loaded;
    a load that is under way with its progress."""
    if model is None:
        return await asyncio.to_thread(to_model_info, context)
    found = context.models.get(model)
    if found is None:
        installed = await asyncio.to_thread(context.models.catalog.get, model)
        found = context.models.get(installed.name)
    if found is None:
        raise NotFound(f"{model} is not loaded.", param="model", code="model_not_loaded")
    return await asyncio.to_thread(to_model_info, context, found)


@router.get("/list")
async def list_model_names(context: Context) -> ModelNamesResponse:
    models = await asyncio.to_thread(context.models.catalog.models)
    return ModelNamesResponse(model_names=[model.name for model in models])


@router.post("/load", dependencies=[AdminOnly])
async def load_model(body: LoadRequest, response: Response, context: Context) -> ModelInfoResponse:
    """Answers when the model is loaded and has computed a first token; the others serve until then, and stay if the load fails."""
    note_ignored(body, response, context)
    wanted = await asyncio.to_thread(
        context.models.catalog.get, body.model_name, param="model_name"
    )
    if body.loader is not None and loader_name(body.loader) != wanted.loader:
        raise RequestError(
            f"{wanted.name} is loaded by {wanted.loader}, not by {body.loader}.", param="loader"
        )
    model = await context.models.load(wanted, body.args, is_forced=bool(body.force))
    if body.save:
        await asyncio.to_thread(
            context.models.saved.save, wanted, body.args or {}, has_loader=body.loader is not None
        )
    return await asyncio.to_thread(to_model_info, context, model)


@router.post("/unload", dependencies=[AdminOnly])
async def unload_model(
    response: Response, context: Context, body: UnloadRequest | None = None
) -> ModelInfoResponse:
    """The model that was used last, the one that is named, or all. Requests that run now end first; new ones get 503."""
    body = body or UnloadRequest(model_name=None, all=None)
    note_ignored(body, response, context)
    name, models = body.model_name, context.models
    if name is not None and models.in_service(name) is None:
        name = (await asyncio.to_thread(models.catalog.get, name, param="model_name")).name
    await models.unload(name, everything=bool(body.all))
    return await asyncio.to_thread(to_model_info, context)


@router.post("/estimate")
async def estimate_model(
    body: EstimateRequest, response: Response, context: Context
) -> EstimateResponse:
    """How much memory a load would take, from the files' headers; nothing is loaded."""
    note_ignored(body, response, context)
    models = context.models
    wanted = await asyncio.to_thread(models.catalog.get, body.model_name, param="model_name")
    plan = await models.plan(wanted, body.args)
    budget = models.limits.memory_bytes or None
    return EstimateResponse(
        model_name=wanted.name,
        loader=wanted.loader,
        memory=to_memory(plan.memory),
        ctx_size=plan.memory.ctx_size,
        parallel=plan.memory.parallel,
        kv_unified=plan.memory.kv_unified,
        budget=budget,
        reserved=models.reserved_bytes,
        fits=budget is None or plan.memory.total <= budget,
    )
