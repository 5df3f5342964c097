"""/api/v1/*: the web UI's own blocking API until November 2023, on the same port as all else."""

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from extensions.openai.chat import create_chat_completion
from extensions.openai.completions import create_completion
from extensions.openai.dependencies import Context, lease_for, note_ignored, require_admin
from extensions.openai.internal.model_info import to_model_info
from extensions.openai.internal.models import load_model, unload_model
from extensions.openai.legacy.answers import body_of, ignored_in, renamed_params
from extensions.openai.legacy.old_chat import OldTurn
from extensions.openai.legacy.old_parameters import (
    max_new_tokens,
    to_new_fields,
    truncation_length,
)
from extensions.openai.legacy.old_types import (
    OldChatRequest,
    OldChatResponse,
    OldChatResult,
    OldCount,
    OldCountRequest,
    OldCountResponse,
    OldGenerateRequest,
    OldGenerateResponse,
    OldHistory,
    OldModelInfo,
    OldModelRequest,
    OldModelResponse,
    OldStopResponse,
    OldText,
)
from extensions.openai.replies import json_response
from extensions.openai.typing import LONG, CompletionRequest, LoadRequest
from modules.context import AppContext
from modules.core.errors import RequestError
from modules.engine.model import LoadedModel
from modules.replies.start import in_thread

router = APIRouter(prefix="/api/v1", tags=["legacy"])

NO_MODEL = "None"
_RENAMED = {"max_tokens": "max_new_tokens", "stop": "stopping_strings", "messages": "history"}


@router.post("/generate", response_model=OldGenerateResponse)
async def generate_text(body: OldGenerateRequest, request: Request, context: Context) -> Response:
    """Go on with a text."""
    async with lease_for(None, context, request) as model:
        prompt = await asyncio.to_thread(_cut_left, body, model)
        wanted = CompletionRequest(
            prompt=prompt,
            model=context.models.in_service(model.name),  # whose tokens were counted
            add_bos_token=body.add_bos_token,
            **to_new_fields(body, CompletionRequest),
        )
        with renamed_params(_RENAMED):
            answer = await create_completion(wanted, request, context)
    text = body_of(answer)["choices"][0]["text"]
    return json_response(
        OldGenerateResponse(results=[OldText(text=text)]), ignored_in(answer.headers)
    )


@router.post("/chat", response_model=OldChatResponse)
async def generate_chat(body: OldChatRequest, request: Request, context: Context) -> Response:
    """The history with the reply in it."""
    turn = OldTurn(body)
    if turn.has_nothing_to_do:
        return json_response(_to_chat_response(turn.history))
    wanted = turn.to_chat_request()
    if truncation_length(body) is not None:
        wanted.truncation = "auto"
    with renamed_params(_RENAMED):
        answer = await create_chat_completion(wanted, request, context)
    reply = body_of(answer)["choices"][0]["message"]["content"] or ""
    return json_response(
        _to_chat_response(turn.with_reply(reply)),
        ignored_in(answer.headers),
    )


@router.post("/token-count")
async def count_old_tokens(
    body: OldCountRequest, request: Request, response: Response, context: Context
) -> OldCountResponse:
    note_ignored(body, response, context)
    async with lease_for(None, context, request) as model:
        ids = await in_thread(
            lambda: _encode(body.prompt, model), model, is_slow=len(body.prompt) > LONG
        )
    return OldCountResponse(results=[OldCount(tokens=len(ids))])


@router.post("/stop-stream")
async def stop_old_stream(context: Context) -> OldStopResponse:
    """Ends all running replies; each has what it has so far."""
    context.models.stop()
    return OldStopResponse()


@router.get("/model")
async def show_old_model(context: Context) -> OldModelResponse:
    return OldModelResponse(result=_name(context))


@router.post("/model")
async def manage_old_model(
    body: OldModelRequest, request: Request, response: Response, context: Context
) -> OldModelResponse:
    """Without an action it says what the GET says; loading and unloading need the admin key where there is one."""
    note_ignored(body, response, context)
    match body.action:
        case None:
            return OldModelResponse(result=_name(context))
        case "list":
            models = await asyncio.to_thread(context.models.catalog.models)
            return OldModelResponse(result=[model.name for model in models])
        case "load":
            require_admin(request)
            await load_model(_to_load_request(body), response, context)
        case "unload":
            require_admin(request)
            await unload_model(response, context)
        case "info":
            pass
    return OldModelResponse(result=_to_old_info(context))


def _to_chat_response(history: OldHistory) -> OldChatResponse:
    return OldChatResponse(results=[OldChatResult(history=history)])


def _name(context: AppContext) -> str:
    model = context.models.current
    return NO_MODEL if model is None else model.info.name


def _to_load_request(body: OldModelRequest) -> LoadRequest:
    if not body.model_name:
        raise RequestError("Missing required parameter: 'model_name'.", param="model_name")
    return LoadRequest(model_name=body.model_name, args=body.args, save=None, force=None)


def _to_old_info(context: AppContext) -> OldModelInfo:
    info = to_model_info(context)
    return OldModelInfo(
        model_name=info.model_name,
        lora_names=info.lora_names,
        settings={
            "truncation_length": info.context_length,
            "instruction_template": info.chat_template_source,
        },
        args={"loader": info.loader, **info.options},
    )


def _encode(text: str, model: LoadedModel) -> list[int]:
    return model.engine.tokenizer.encode(text, add_special=True, parse_special=True)


def _cut_left(body: OldGenerateRequest, model: LoadedModel) -> str:
    """The end of the prompt, where it and the reply are longer than the truncation length. Blocking."""
    limit = truncation_length(body)
    if limit is None:
        return body.prompt
    limit = min(limit, model.info.context_length)
    room = max(1, limit - max(1, min(max_new_tokens(body), limit - 1)))
    tokenizer = model.engine.tokenizer
    # What cannot be among the last tokens need not be tokenized.
    tail = body.prompt[-room * tokenizer.longest_piece :]
    ids = _encode(tail, model)
    if len(ids) <= room and len(tail) == len(body.prompt):
        return body.prompt
    kept = ids[len(ids) - room + 1 :] if room > 1 else ids[-1:]  # a place is left for BOS
    pieces = [tokenizer.piece(token_id, special=True) for token_id in kept]
    return b"".join(pieces).decode(errors="ignore")
