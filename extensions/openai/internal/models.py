"""/v1/internal/model/*: what is loaded, what there is; load and unload (administrators only)."""

import asyncio

from fastapi import APIRouter, Response

from extensions.openai.dependencies import AdminOnly, Context, note_ignored
from extensions.openai.health import to_progress
from extensions.openai.response_types import ModelInfoResponse, ModelNamesResponse
from extensions.openai.typing import LoadRequest
from modules.context import AppContext
from modules.core.errors import RequestError
from modules.loaders.registry import loader_name

router = APIRouter(prefix="/v1/internal/model", tags=["internal"])


@router.get("/info")
async def show_model_info(context: Context) -> ModelInfoResponse:
    """The loaded model with its load args and the options in effect; a load that is under way with its progress."""
    return to_model_info(context)


@router.get("/list")
async def list_model_names(context: Context) -> ModelNamesResponse:
    models = await asyncio.to_thread(context.models.catalog.models)
    return ModelNamesResponse(model_names=[model.name for model in models])


@router.post("/load", dependencies=[AdminOnly])
async def load_model(body: LoadRequest, response: Response, context: Context) -> ModelInfoResponse:
    """Answers when the model is loaded and serves; the one before serves until then, and stays if the load fails."""
    note_ignored(body, response, context)
    wanted = await asyncio.to_thread(
        context.models.catalog.get, body.model_name, param="model_name"
    )
    if body.loader is not None and loader_name(body.loader) != wanted.loader:
        raise RequestError(
            f"{wanted.name} is loaded by {wanted.loader}, not by {body.loader}.", param="loader"
        )
    await context.models.load(wanted, body.args)
    return to_model_info(context)


@router.post("/unload", dependencies=[AdminOnly])
async def unload_model(context: Context) -> ModelInfoResponse:
    """Requests that run now end first; new ones get 503."""
    await context.models.unload()
    return to_model_info(context)


def to_model_info(context: AppContext) -> ModelInfoResponse:
    model = context.models.current
    loading, last_error = to_progress(context), context.models.last_error
    if model is None:
        return ModelInfoResponse(
            model_name=None, lora_names=[], loader=None, loading=loading, last_error=last_error
        )
    info = model.info
    return ModelInfoResponse(
        model_name=info.name,
        lora_names=list(info.options.get("lora", ())),
        loader=info.loader,
        context_length=info.context_length,
        train_context_length=info.train_context_length,
        slots=info.slots,
        architecture=info.architecture,
        description=info.description,
        parameters=info.parameters,
        size_bytes=info.size_bytes,
        vocabulary_size=info.vocabulary_size,
        capabilities=list(info.capabilities),
        chat_template_source=model.template.source,
        load_args=dict(model.load_args),
        options=dict(info.options),
        loading=loading,
        last_error=last_error,
    )
