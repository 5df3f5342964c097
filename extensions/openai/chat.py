"""POST /v1/chat/completions."""

import asyncio
from contextlib import AsyncExitStack

from fastapi import APIRouter, Request
from starlette.responses import Response

from extensions.openai.convert import (
    refuse_unsupported,
    to_grammar,
    to_messages,
    to_sampling,
    to_stops,
    with_seed,
)
from extensions.openai.dependencies import Context, lease_for, while_connected
from extensions.openai.frames import ChatFrames, wire_reason
from extensions.openai.head import ResponseHead
from extensions.openai.ignored import ignored_headers
from extensions.openai.logprobs import to_chat_logprobs
from extensions.openai.replies import (
    fold_all,
    json_response,
    stream_response,
    stream_shape,
    submit_all,
)
from extensions.openai.response_types import ChatChoice, ChatCompletionResponse, ReplyMessage
from extensions.openai.typing import ChatCompletionRequest
from extensions.openai.usage import add_usages, to_usage
from modules.core.errors import ContextLengthExceeded
from modules.core.events import Completion
from modules.core.requests import GenerationRequest
from modules.core.sampling import SamplingParams
from modules.engine.model import LoadedModel
from modules.prompts.chat import render_chat

router = APIRouter(tags=["chat"])


@router.post("/v1/chat/completions", response_model=ChatCompletionResponse)
async def create_chat_completion(
    body: ChatCompletionRequest, request: Request, context: Context
) -> Response:
    """Answer a chat. With `stream` the answer comes as server-sent events of `chat.completion.chunk`."""
    refuse_unsupported(body)
    settings = context.settings
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(lease_for(body.model, context, request))
        headers = ignored_headers(body, model.info, is_strict=settings.strict_params)
        head = ResponseHead.for_chat(model)
        wanted = await asyncio.to_thread(to_chat_requests, body, model, settings.sampling, head.id)
        streams = submit_all(model.engine, wanted, stack)
        if body.stream:
            shape = stream_shape(body.stream_options, len(wanted), settings)
            return stream_response(
                ChatFrames(head, shape),
                streams,
                shape,
                settings,
                cleanup=stack.pop_all(),
                headers=headers,
            )
        done = await while_connected(request, fold_all(streams))
    return json_response(to_chat_response(head, done, has_logprobs=bool(body.logprobs)), headers)


def render_prompt(body: ChatCompletionRequest, model: LoadedModel) -> str:
    return render_chat(
        model.template, to_messages(body.messages), continues_last=bool(body.continue_)
    )


def check_length(text: str, model: LoadedModel, *, param: str) -> None:
    """Refuse what cannot fit by its mere length: to tokenize it would keep a thread busy for long."""
    at_least = len(text.encode()) // model.engine.tokenizer.longest_piece
    if at_least > model.info.context_length:
        raise ContextLengthExceeded(at_least, model.info.context_length, param=param)


def to_chat_requests(
    body: ChatCompletionRequest, model: LoadedModel, defaults: SamplingParams, stop_id: str
) -> list[GenerationRequest]:
    """Renders, tokenizes and compiles: blocking, for a worker thread."""
    limit = model.info.context_length
    if len(body.messages) > limit:  # each takes a token at least, and rendering them all takes long
        raise ContextLengthExceeded(len(body.messages), limit, param="messages")
    prompt = render_prompt(body, model)
    check_length(prompt, model, param="messages")
    has_bos = bool(model.template.bos_text) and prompt.startswith(model.template.bos_text)
    ids = model.engine.tokenizer.encode(prompt, add_special=not has_bos, parse_special=True)
    room = model.info.context_length - len(ids)
    if room < 1:
        raise ContextLengthExceeded(len(ids), model.info.context_length, param="messages")
    wanted = body.max_completion_tokens or body.max_tokens or room  # neither can be 0
    sampling = to_sampling(body, defaults)
    first = GenerationRequest(
        prompt_ids=tuple(ids),
        max_tokens=min(wanted, room),
        sampling=sampling,
        stop=to_stops(body.stop),
        grammar=to_grammar(body),
        logprobs=(body.top_logprobs or 0) if body.logprobs else None,
        skip_special_tokens=body.skip_special_tokens is not False,
        stop_id=stop_id,
    )
    model.engine.prepare(first)
    return [first.with_sampling(with_seed(sampling, i)) for i in range(body.n or 1)]


def to_chat_response(
    head: ResponseHead, done: list[Completion], *, has_logprobs: bool
) -> ChatCompletionResponse:
    choices = [
        ChatChoice(
            index=i,
            message=ReplyMessage(content=each.text),
            logprobs=to_chat_logprobs(each.logprobs) if has_logprobs else None,
            finish_reason=wire_reason(each.reason),
        )
        for i, each in enumerate(done)
    ]
    usage = to_usage(add_usages([[each.usage for each in done]]))
    return ChatCompletionResponse(
        id=head.id, created=head.created, model=head.model, choices=choices, usage=usage
    )
