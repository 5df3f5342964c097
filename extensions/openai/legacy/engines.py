"""/v1/engines: models under their name of 2022, with the model in the path."""

import asyncio
from typing import Any

import fastapi
from fastapi import APIRouter, Request
from starlette.responses import Response

from extensions.openai.chat import create_chat_completion
from extensions.openai.completions import create_completion
from extensions.openai.dependencies import Context, lease_for
from extensions.openai.embeddings.routes import answer as embed
from extensions.openai.embeddings.typing import (
    EmbeddingResponse,
    EngineEmbeddingRequest,
    TextFields,
)
from extensions.openai.legacy.edits import edit
from extensions.openai.legacy.search import SearchRequest, SearchResponse, search
from extensions.openai.legacy.text_completion import generate
from extensions.openai.legacy.typing import (
    EditRequest,
    EditResponse,
    EngineList,
    EngineObject,
    GenerateRequest,
    GenerateResponse,
)
from extensions.openai.media_lease import lease_worker
from extensions.openai.models import collect_models, get_model
from extensions.openai.response_types import (
    ChatCompletionResponse,
    CompletionResponse,
    ModelObject,
)
from extensions.openai.typing import ChatCompletionRequest, CompletionRequest
from modules.context import AppContext
from modules.core.errors import AuthError, NotFound, RequestError
from modules.engine.media.pool import ModelPool
from modules.settings import Settings
from modules.web.access import OriginRule

router = APIRouter(prefix="/v1/engines", tags=["legacy"])


@router.get("")
async def list_engines(context: Context) -> EngineList:
    models = await asyncio.to_thread(collect_models, context)
    return EngineList(data=[_to_engine(model, is_ready=model.meta.loaded) for model in models])


@router.get("/{engine:path}")
async def get_engine(engine: str, request: Request, context: Context) -> EngineObject:
    """Loads the model first where it is not loaded, by the same rules as a request that names it."""
    model = await get_model(engine, context)
    if model.meta.loaded or not context.settings.model_switch:
        return _to_engine(model, is_ready=model.meta.loaded)
    _refuse_foreign_page(request, context.settings)
    pool = await asyncio.to_thread(_pool_of, model.id, context)
    lease = (
        lease_for(model.id, context, request)
        if pool is None
        else lease_worker(pool, model.id, context, request)
    )
    async with lease:
        return _to_engine(model, is_ready=True)


def _pool_of(name: str, context: AppContext) -> ModelPool[Any] | None:
    """None for a text model. Blocking."""
    if context.models.catalog.find(name) is not None:
        return None
    return next((p for p in context.media.pools if p.catalog.find(name) is not None), None)


@router.post("/{engine:path}/chat/completions", response_model=ChatCompletionResponse)
async def create_engine_chat(
    engine: str, body: ChatCompletionRequest, request: Request, context: Context
) -> Response:
    """As /v1/chat/completions."""
    named = body.model_copy(update={"model": engine})
    return await create_chat_completion(named, request, context)


@router.post("/{engine:path}/completions", response_model=CompletionResponse)
async def create_engine_completion(
    engine: str, body: CompletionRequest, request: Request, context: Context
) -> Response:
    """As /v1/completions."""
    return await create_completion(body.model_copy(update={"model": engine}), request, context)


@router.post("/{engine:path}/edits", response_model=EditResponse)
async def create_engine_edit(
    engine: str, body: EditRequest, request: Request, context: Context
) -> Response:
    """As /v1/edits."""
    return await edit(body.model_copy(update={"model": engine}), request, context)


@router.post("/{engine:path}/generate", response_model=GenerateResponse)
async def create_engine_generate(
    engine: str, body: GenerateRequest, request: Request, context: Context
) -> Response:
    """As /v1/generate."""
    return await generate(body.model_copy(update={"model": engine}), request, context)


@router.post("/{engine:path}/embeddings", response_model=EmbeddingResponse)
async def create_engine_embedding(
    engine: str, body: EngineEmbeddingRequest, request: Request, context: Context
) -> Response:
    """As /v1/embeddings; `text` is an older name of `input`."""
    given = body.text if body.input is None else body.input
    if given is None:
        raise RequestError("Missing required parameter: 'input'.", param="input")
    fields: TextFields = body.model_copy(update={"model": engine})
    if body.input is not None and body.text is not None:  # then `text` is a field without effect
        given_fields = fields.model_dump(exclude_unset=True, exclude={"input", "text"})
        fields = TextFields.model_validate({**given_fields, "text": True})
    return await embed(given, fields, request, context)


@router.post("/{engine:path}/search")
async def create_engine_search(
    engine: str,
    body: SearchRequest,
    request: Request,
    response: fastapi.Response,
    context: Context,
) -> SearchResponse:
    """As /v1/search."""
    return await search(body.model_copy(update={"model": engine}), request, response, context)


@router.post("/{engine:path}", include_in_schema=False)
async def refuse_other(engine: str) -> Response:
    """Without this it would be 405, since a GET of any such path is answered."""
    raise NotFound(f"There is no POST /v1/engines/{engine}. /docs lists what there is.")


def _to_engine(model: ModelObject, *, is_ready: bool) -> EngineObject:
    return EngineObject(id=model.id, created=model.created, owner=model.owned_by, ready=is_ready)


def _refuse_foreign_page(request: Request, settings: Settings) -> None:
    """A GET that loads: any web page can have a browser send one, and the gate lets GETs through."""
    origin = request.headers.get("origin", "")
    is_allowed = not origin or OriginRule.from_settings(settings).allows(
        origin, request.headers.get("host", "")
    )
    is_foreign = request.headers.get("sec-fetch-site") == "cross-site" and not origin
    if is_foreign or not is_allowed:
        raise AuthError(
            "Web pages from elsewhere may not load models.",
            is_forbidden=True,
            code="origin_not_allowed",
        )
