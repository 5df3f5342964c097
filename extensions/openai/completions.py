"""POST /v1/completions: text, token ids, or lists of either."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from extensions.openai.convert import to_sampling, to_stops, with_preset, with_seed
from extensions.openai.dependencies import Context, lease_for, while_connected
from extensions.openai.frames import CompletionFrames, StreamShape, wire_reason
from extensions.openai.head import ResponseHead
from extensions.openai.ignored import ignored_headers
from extensions.openai.logprobs import TextOffsets, to_completion_logprobs
from extensions.openai.media_prompt import encode_media_prompt
from extensions.openai.messages import Place
from extensions.openai.pictures import load_pictures
from extensions.openai.replies import fold_all, json_response, stream_response, submit_all
from extensions.openai.reply_grammar import to_reply_grammar
from extensions.openai.response_types import CompletionChoice, CompletionResponse
from extensions.openai.tools import NO_TOOLS
from extensions.openai.typing import CompletionRequest
from extensions.openai.usage import add_usages, to_usage
from modules.core.errors import ContextLengthExceeded, RequestError, Unsupported
from modules.core.events import Completion
from modules.core.messages import Image
from modules.core.requests import GenerationRequest, Media
from modules.engine.encoding import check_length
from modules.engine.model import LoadedModel
from modules.loaders.base import Tokenizer
from modules.settings import Settings

router = APIRouter(tags=["completions"])

DEFAULT_MAX_TOKENS = 512
MAX_PROMPTS = 1024


@dataclass(frozen=True, slots=True)
class Prompt:
    """`echo`: its text, where the reply is to begin with it."""

    ids: list[int]
    echo: str = ""
    media: tuple[Media, ...] = ()


@router.post("/v1/completions", response_model=CompletionResponse)
async def create_completion(
    body: CompletionRequest, request: Request, context: Context
) -> Response:
    """Go on with a text. With `stream` the answer comes as server-sent events of `text_completion`."""
    replies = check_counts(body)
    settings = context.settings
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(lease_for(body.model, context, request))
        headers = ignored_headers(body, model.info, is_strict=settings.strict_params)
        head = ResponseHead.for_completion(model)
        images = await while_connected(request, load_pictures(body.messages or [], model, settings))
        prompts, wanted = await asyncio.to_thread(
            to_completion_requests, body, images, model, settings, head.id
        )
        streams = submit_all(model.engine, wanted, stack)
        if body.stream:
            shape = _stream_shape(body, replies, settings)
            echoes = [prompt.echo for prompt in prompts for _ in range(replies)]
            return stream_response(
                CompletionFrames(head, shape, echoes),
                streams,
                shape,
                settings,
                cleanup=stack.pop_all(),
                headers=headers,
            )
        done = await while_connected(request, fold_all(streams))
    return json_response(to_completion_response(head, body, prompts, done), headers)


def check_counts(body: CompletionRequest) -> int:
    """How many replies to generate for each prompt."""
    n, best_of = body.n or 1, body.best_of or body.n or 1
    if best_of < n:
        raise RequestError("best_of must be at least n.", param="best_of")
    if best_of > n and body.stream:
        raise RequestError(
            "best_of cannot be streamed: it is known only at the end.", param="best_of"
        )
    return best_of


def _stream_shape(body: CompletionRequest, replies: int, settings: Settings) -> StreamShape:
    options = body.stream_options
    return StreamShape(
        per_prompt=replies,
        includes_usage=bool(options and options.include_usage),
        is_legacy=settings.legacy_stream,
    )


def to_completion_requests(
    body: CompletionRequest,
    images: Mapping[Place, Image],
    model: LoadedModel,
    settings: Settings,
    stop_id: str,
) -> tuple[list[Prompt], list[GenerationRequest]]:
    """Tokenizes and compiles: blocking, for a worker thread."""
    prompts = to_prompts(body, images, model)
    sampling = to_sampling(body, with_preset(body, settings.sampling, settings.presets_path))
    grammar = to_reply_grammar(body, model, None, NO_TOOLS, settings)
    stops = to_stops(body.stop)
    replies = check_counts(body)
    ranks = replies > (body.n or 1)
    requests: list[GenerationRequest] = []
    for prompt in prompts:
        first = GenerationRequest(
            prompt_ids=tuple(prompt.ids),
            media=prompt.media,
            max_tokens=_max_tokens(body, prompt, model),
            sampling=sampling,
            stop=stops,
            grammar=grammar,
            logprobs=0 if body.logprobs is None and ranks else body.logprobs,
            prompt_logprobs=body.logprobs if body.echo else None,
            skip_special_tokens=body.skip_special_tokens is not False,
            stop_id=stop_id,
        )
        requests += [
            first.with_sampling(with_seed(sampling, len(requests) + i)) for i in range(replies)
        ]
    model.engine.prepare(requests[0])
    return prompts, requests


def _max_tokens(body: CompletionRequest, prompt: Prompt, model: LoadedModel) -> int:
    room = model.info.context_length - len(prompt.ids)
    wanted = DEFAULT_MAX_TOKENS if body.max_tokens is None else body.max_tokens
    if room < min(wanted, 1):
        raise ContextLengthExceeded(len(prompt.ids), model.info.context_length, param="prompt")
    return min(wanted, room)


def to_prompts(
    body: CompletionRequest, images: Mapping[Place, Image], model: LoadedModel
) -> list[Prompt]:
    if body.messages:
        return [_media_prompt(body, images, model)]
    if body.prompt is None:
        raise RequestError("Missing required parameter: 'prompt'.", param="prompt")
    given = _as_list(body.prompt)
    if not given:
        raise RequestError("prompt is an empty list.", param="prompt")
    if len(given) > MAX_PROMPTS:
        raise RequestError(f"prompt takes at most {MAX_PROMPTS} prompts.", param="prompt")
    if body.suffix:
        return [_infill(prompt, body, model) for prompt in given]
    return [_to_prompt(prompt, body, model) for prompt in given]


def _media_prompt(
    body: CompletionRequest, images: Mapping[Place, Image], model: LoadedModel
) -> Prompt:
    """Text with pictures comes as messages, since a prompt has no place for them."""
    if body.prompt:
        raise RequestError("prompt and messages cannot be used together.", param="messages")
    for name in ("suffix", "echo"):
        if getattr(body, name):
            raise RequestError(f"{name} does not go with messages.", param=name)
    encoded = encode_media_prompt(body.messages or [], images, model)
    return Prompt(list(encoded.ids), media=encoded.media)


def _as_list(prompt: str | list[str] | list[int] | list[list[int]]) -> list[str | list[int]]:
    """One entry a prompt; a list of numbers is one prompt."""
    if isinstance(prompt, str):
        return [prompt]
    texts_or_ids: list[str | list[int]] = [p for p in prompt if not isinstance(p, int)]
    return texts_or_ids or ([[p for p in prompt if isinstance(p, int)]] if prompt else [])


def _to_prompt(prompt: str | list[int], body: CompletionRequest, model: LoadedModel) -> Prompt:
    tokenizer = model.engine.tokenizer
    if isinstance(prompt, str):
        check_length(prompt, model.engine, param="prompt")
        add_bos = body.add_bos_token is not False
        ids = tokenizer.encode(prompt, add_special=add_bos, parse_special=True)
        return Prompt(ids or _start(tokenizer), prompt if body.echo else "")
    special = body.skip_special_tokens is False
    pieces = [tokenizer.piece(i, special=special) for i in prompt if i < tokenizer.size]
    echo = b"".join(pieces).decode(errors="replace") if body.echo else ""
    return Prompt(prompt or _start(tokenizer), echo)


def _start(tokenizer: Tokenizer) -> list[int]:
    """What stands for an empty prompt: a token that begins a document."""
    return [tokenizer.start_id]


def _infill(prompt: str | list[int], body: CompletionRequest, model: LoadedModel) -> Prompt:
    if not isinstance(prompt, str):
        raise RequestError("suffix goes with text prompts.", param="suffix")
    check_length(prompt + (body.suffix or ""), model.engine, param="prompt")
    ids = model.engine.tokenizer.infill(prompt, body.suffix or "")
    if ids is None:
        raise Unsupported(
            "The loaded model has no fill-in-the-middle tokens, so it cannot take a suffix.",
            param="suffix",
        )
    return Prompt(ids, prompt if body.echo else "")


def to_completion_response(
    head: ResponseHead, body: CompletionRequest, prompts: list[Prompt], done: list[Completion]
) -> CompletionResponse:
    """With best_of: of each prompt's replies, the n whose tokens are most likely on average."""
    n = body.n or 1
    replies = len(done) // len(prompts)
    groups = [done[i : i + replies] for i in range(0, len(done), replies)]
    chosen = [
        (prompt, each)
        for prompt, group in zip(prompts, groups, strict=True)
        for each in (sorted(group, key=_likelihood, reverse=True)[:n] if replies > n else group)
    ]
    return CompletionResponse(
        id=head.id,
        created=head.created,
        model=head.model,
        choices=[_to_choice(i, p, each, body) for i, (p, each) in enumerate(chosen)],
        usage=to_usage(add_usages([each.usage for each in group] for group in groups)),
    )


def _likelihood(done: Completion) -> float:
    logprobs = [token.chosen.logprob for token in done.logprobs]
    return sum(logprobs) / len(logprobs) if logprobs else float("-inf")


def _to_choice(
    index: int, prompt: Prompt, done: Completion, body: CompletionRequest
) -> CompletionChoice:
    logprobs = None
    if body.logprobs is not None:
        logprobs = to_completion_logprobs((*done.prompt_logprobs, *done.logprobs), TextOffsets())
    return CompletionChoice(
        index=index,
        text=prompt.echo + done.text,
        logprobs=logprobs,
        finish_reason=wire_reason(done.reason),
    )
