"""/tokenize and /detokenize, as llama-server and vLLM have them; told apart by their fields."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from extensions.openai.chat_plan import to_chat_request
from extensions.openai.dependencies import Context, lease_for
from extensions.openai.ignored import ignored_headers
from extensions.openai.internal.tokenize_types import (
    CountedTokens,
    DetokenizeRequest,
    DetokenizeResponse,
    LlamaTokens,
    TokenizeRequest,
    TokenPiece,
)
from extensions.openai.messages import pictures_in
from extensions.openai.replies import json_response
from extensions.openai.typing import LONG, MAX_TEXT_CHARS, ChatCompletionRequest
from modules.context import AppContext
from modules.core.errors import RequestError, Unsupported
from modules.engine.model import LoadedModel
from modules.loaders.base import Tokenizer
from modules.replies.chat_plan import count_prompt
from modules.replies.start import in_thread

router = APIRouter(tags=["tokens"])

SOURCES = ("content", "prompt", "messages")


@router.post("/tokenize", response_model=LlamaTokens | CountedTokens)
@router.post("/v1/tokenize", response_model=LlamaTokens | CountedTokens)
async def tokenize(body: TokenizeRequest, request: Request, context: Context) -> Response:
    """Text to token ids."""
    headers = ignored_headers(body, None, is_strict=context.settings.strict_params)
    given = [name for name in SOURCES if getattr(body, name) is not None]
    if len(given) != 1:
        raise RequestError(f"Give one of {', '.join(SOURCES)}.", param="content")
    if _chars(body) > MAX_TEXT_CHARS:
        raise RequestError(f"content takes at most {MAX_TEXT_CHARS} characters.", param="content")
    async with lease_for(body.model, context, request) as model:
        answer = await in_thread(
            lambda: _tokenize(body, model, context), model, is_slow=_is_slow(body)
        )
    return json_response(answer, headers)


@router.post("/detokenize", response_model=DetokenizeResponse)
@router.post("/v1/detokenize", response_model=DetokenizeResponse)
async def detokenize(body: DetokenizeRequest, request: Request, context: Context) -> Response:
    """Token ids to text, control tokens included."""
    headers = ignored_headers(body, None, is_strict=context.settings.strict_params)
    async with lease_for(body.model, context, request) as model:
        text = await in_thread(
            lambda: decode_ids(body.tokens, model.engine.tokenizer),
            model,
            is_slow=len(body.tokens) > LONG,
        )
    return json_response(DetokenizeResponse(content=text, prompt=text), headers)


def _is_slow(body: TokenizeRequest) -> bool:
    """A template that comes with the request may take its time too."""
    return bool(body.chat_template) or max(_chars(body), len(body.prompt or "")) > LONG


def _chars(body: TokenizeRequest) -> int:
    parts = [body.content] if isinstance(body.content, str) else body.content or []
    return sum(len(part) for part in parts if isinstance(part, str))


def decode_ids(token_ids: list[int], tokenizer: Tokenizer, *, skips_special: bool = False) -> str:
    """RequestError for an id that the vocabulary does not have."""
    if any(token_id >= tokenizer.size for token_id in token_ids):
        raise RequestError(
            f"Token ids of this model go from 0 to {tokenizer.size - 1}.", param="tokens"
        )
    pieces = [tokenizer.piece(token_id, special=not skips_special) for token_id in token_ids]
    return b"".join(pieces).decode(errors="replace")


def _tokenize(
    body: TokenizeRequest, model: LoadedModel, context: AppContext
) -> LlamaTokens | CountedTokens:
    tokenizer = model.engine.tokenizer
    if body.content is not None:
        ids = _content_ids(body, tokenizer)
        if not body.with_pieces:
            return LlamaTokens(tokens=ids)
        return LlamaTokens(tokens=[_to_piece(token_id, tokenizer) for token_id in ids])
    ids = _chat_ids(body, model, context) if body.messages else _prompt_ids(body, tokenizer)
    texts = [tokenizer.piece(i, special=True).decode(errors="replace") for i in ids]
    return CountedTokens(
        count=len(ids),
        max_model_len=model.info.context_length,
        tokens=ids,
        token_strs=texts if body.return_token_strs else None,
    )


def _content_ids(body: TokenizeRequest, tokenizer: Tokenizer) -> list[int]:
    parts = [body.content] if isinstance(body.content, str) else body.content or []
    ids: list[int] = []
    for index, part in enumerate(parts):
        if isinstance(part, int):
            ids += _known(part, tokenizer)
        else:
            ids += tokenizer.encode(
                part,
                add_special=bool(body.add_special) and index == 0,
                parse_special=body.parse_special is not False,
            )
    return ids


def _known(token_id: int, tokenizer: Tokenizer) -> list[int]:
    decode_ids([token_id], tokenizer)
    return [token_id]


def _to_piece(token_id: int, tokenizer: Tokenizer) -> TokenPiece:
    piece = tokenizer.piece(token_id, special=True)
    marks = {
        "special": tokenizer.control_text(token_id) is not None or None,
        "end": tokenizer.is_end(token_id) or None,
    }
    try:
        return TokenPiece(id=token_id, piece=piece.decode(), **marks)
    except UnicodeDecodeError:
        return TokenPiece(id=token_id, piece=list(piece), **marks)


def _prompt_ids(body: TokenizeRequest, tokenizer: Tokenizer) -> list[int]:
    return tokenizer.encode(
        body.prompt or "", add_special=body.add_special_tokens is not False, parse_special=True
    )


def _chat_ids(body: TokenizeRequest, model: LoadedModel, context: AppContext) -> list[int]:
    """What a chat of these messages would count as its prompt."""
    messages = body.messages or []
    if body.add_generation_prompt is False and not body.continue_final_message:
        raise Unsupported(
            "A chat is tokenized up to where the reply begins.", param="add_generation_prompt"
        )
    if any(True for _ in pictures_in(messages)):
        raise Unsupported("Pictures have no token ids.", param="messages")
    chat = ChatCompletionRequest.model_validate(
        {
            "messages": messages,
            "tools": body.tools,
            "continue_": body.continue_final_message,
            "instruction_template_str": body.chat_template,
            "chat_template_kwargs": body.chat_template_kwargs,
            "truncation": "disabled",
        }
    )
    asked = to_chat_request(chat, {}, context.settings)
    return list(count_prompt(asked, model, context.hooks))
