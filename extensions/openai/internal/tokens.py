"""/v1/internal/encode, decode, token-count, chat-prompt: what the tokenizer and the template do."""

import asyncio

from fastapi import APIRouter, Request

from extensions.openai.chat import render_prompt
from extensions.openai.dependencies import Context, lease_for
from extensions.openai.typing import (
    ChatCompletionRequest,
    ChatPromptResponse,
    DecodeRequest,
    DecodeResponse,
    EncodeRequest,
    EncodeResponse,
    TokenCountResponse,
)
from modules.core.errors import RequestError
from modules.engine.model import LoadedModel

router = APIRouter(prefix="/v1/internal", tags=["internal"])


@router.post("/encode")
async def encode(body: EncodeRequest, request: Request, context: Context) -> EncodeResponse:
    async with lease_for(None, context, request) as model:
        tokens = await asyncio.to_thread(_encode, body, model)
    return EncodeResponse(tokens=tokens, length=len(tokens))


@router.post("/token-count")
async def count_tokens(
    body: EncodeRequest, request: Request, context: Context
) -> TokenCountResponse:
    async with lease_for(None, context, request) as model:
        return TokenCountResponse(length=len(await asyncio.to_thread(_encode, body, model)))


@router.post("/decode")
async def decode(body: DecodeRequest, request: Request, context: Context) -> DecodeResponse:
    async with lease_for(None, context, request) as model:
        return DecodeResponse(text=await asyncio.to_thread(_decode, body, model))


@router.post("/chat-prompt")
async def show_chat_prompt(
    body: ChatCompletionRequest, request: Request, context: Context
) -> ChatPromptResponse:
    """The prompt that a chat becomes, as the model would get it."""
    async with lease_for(body.model, context, request) as model:
        return ChatPromptResponse(prompt=await asyncio.to_thread(render_prompt, body, model))


def _encode(body: EncodeRequest, model: LoadedModel) -> list[int]:
    return model.engine.tokenizer.encode(
        body.text,
        add_special=body.add_special is not False,
        parse_special=body.parse_special is not False,
    )


def _decode(body: DecodeRequest, model: LoadedModel) -> str:
    tokenizer = model.engine.tokenizer
    if any(token_id >= tokenizer.size for token_id in body.tokens):
        raise RequestError(
            f"Token ids of this model go from 0 to {tokenizer.size - 1}.", param="tokens"
        )
    shows_special = not body.skip_special_tokens
    pieces = [tokenizer.piece(token_id, special=shows_special) for token_id in body.tokens]
    return b"".join(pieces).decode(errors="replace")
