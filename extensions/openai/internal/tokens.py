"""/v1/internal/encode, decode, token-count, chat-prompt: what the tokenizer and the template do."""

from fastapi import APIRouter, Request, Response

from extensions.openai.chat_plan import is_slow_to_plan, to_chat_request
from extensions.openai.dependencies import Context, lease_for, note_ignored, while_connected
from extensions.openai.internal.tokenize import decode_ids
from extensions.openai.pictures import load_pictures
from extensions.openai.response_types import (
    ChatPromptResponse,
    DecodeResponse,
    EncodeResponse,
    TokenCountResponse,
)
from extensions.openai.typing import LONG, ChatCompletionRequest, DecodeRequest, EncodeRequest
from modules.engine.model import LoadedModel
from modules.replies.chat_plan import show_prompt
from modules.replies.start import in_thread

router = APIRouter(prefix="/v1/internal", tags=["internal"])


@router.post("/encode")
async def encode(
    body: EncodeRequest, request: Request, response: Response, context: Context
) -> EncodeResponse:
    """Text to token ids."""
    note_ignored(body, response, context)
    async with lease_for(None, context, request) as model:
        tokens = await _encode(body, model)
    return EncodeResponse(tokens=tokens, length=len(tokens))


@router.post("/token-count")
async def count_tokens(
    body: EncodeRequest, request: Request, response: Response, context: Context
) -> TokenCountResponse:
    """How many tokens a text has."""
    note_ignored(body, response, context)
    async with lease_for(None, context, request) as model:
        return TokenCountResponse(length=len(await _encode(body, model)))


@router.post("/decode")
async def decode(
    body: DecodeRequest, request: Request, response: Response, context: Context
) -> DecodeResponse:
    """Token ids to text."""
    note_ignored(body, response, context)
    async with lease_for(None, context, request) as model:
        text = await in_thread(
            lambda: decode_ids(
                body.tokens,
                model.engine.tokenizer,
                skips_special=bool(body.skip_special_tokens),
            ),
            model,
            is_slow=len(body.tokens) > LONG,
        )
    return DecodeResponse(text=text)


@router.post("/chat-prompt")
async def show_chat_prompt(
    body: ChatCompletionRequest, request: Request, response: Response, context: Context
) -> ChatPromptResponse:
    """The prompt that a chat becomes, as the model would get it."""
    note_ignored(body, response, context)
    async with lease_for(body.model, context, request) as model:
        images = await while_connected(
            request, load_pictures(body.messages, model, context.settings, context.hooks)
        )

        def show() -> str:
            asked = to_chat_request(body, images, context.settings)
            return show_prompt(asked, model, context.hooks)

        prompt = await in_thread(show, model, is_slow=is_slow_to_plan(body))
    return ChatPromptResponse(prompt=prompt)


async def _encode(body: EncodeRequest, model: LoadedModel) -> list[int]:
    return await in_thread(
        lambda: model.engine.tokenizer.encode(
            body.text,
            add_special=body.add_special is not False,
            parse_special=body.parse_special is not False,
        ),
        model,
        is_slow=len(body.text) > LONG,
    )
