"""POST /v1/completions: text, token ids, or lists of either."""

from contextlib import AsyncExitStack

from fastapi import APIRouter, Request
from starlette.responses import Response

from extensions.openai.adapted import lease_adapted
from extensions.openai.completion_plan import check_counts, echoes_of, to_text_requests
from extensions.openai.completion_prompts import is_text
from extensions.openai.dependencies import Context, while_connected
from extensions.openai.frames import CompletionFrames, StreamShape, wire_reason
from extensions.openai.head import ResponseHead
from extensions.openai.ignored import ignored_headers
from extensions.openai.logprobs import TextOffsets, as_given, to_completion_logprobs
from extensions.openai.pictures import load_pictures
from extensions.openai.replies import (
    fold_all,
    json_response,
    start_plans,
    stream_response,
    taken_by_others,
)
from extensions.openai.response_types import CompletionChoice, CompletionResponse
from extensions.openai.structured import brings_grammar
from extensions.openai.typing import CompletionRequest
from extensions.openai.usage import add_usages, to_usage
from modules.core.events import Completion
from modules.replies.plans import TextPlan
from modules.replies.start import in_thread
from modules.replies.text_plan import plan_texts
from modules.settings import Settings

router = APIRouter(tags=["completions"])


@router.post("/v1/completions", response_model=CompletionResponse)
async def create_completion(
    body: CompletionRequest, request: Request, context: Context
) -> Response:
    """Go on with a text. With `stream` the answer comes as server-sent events of `text_completion`."""
    replies = check_counts(body)
    settings = context.settings
    async with AsyncExitStack() as stack:
        adapted = await stack.enter_async_context(lease_adapted(body, context, request))
        model = adapted.model
        headers = ignored_headers(body, model.info, is_strict=settings.strict_params)
        head = ResponseHead.for_completion(adapted.name)
        images = await while_connected(request, load_pictures(body.messages or [], model, settings))

        def plan_all() -> tuple[list[TextPlan], list[str]]:
            asked = to_text_requests(
                body, images, model, settings, stop_id=head.id, adapters=adapted.adapters
            )
            plans = plan_texts(asked, model, context.hooks)
            return plans, echoes_of(body, plans, model)

        plans, echoes = await in_thread(plan_all, model, is_slow=brings_grammar(body))
        streams = start_plans(plans, model, context.hooks, stack)
        if also := await taken_by_others(streams, body, request, settings):
            headers = ignored_headers(body, model.info, is_strict=settings.strict_params, also=also)
        if body.stream:
            shape = _stream_shape(body, replies, settings)
            echoes = [echo for echo in echoes for _ in range(replies)]
            return stream_response(
                CompletionFrames(
                    head,
                    shape,
                    echoes,
                    as_ids=bool(body.return_tokens_as_token_ids),
                    are_texts=is_text(body),
                ),
                streams,
                shape,
                settings,
                cleanup=stack.pop_all(),
                headers=headers,
            )
        done = await while_connected(request, fold_all(streams))
    return json_response(to_completion_response(head, body, echoes, done), headers)


def _stream_shape(body: CompletionRequest, replies: int, settings: Settings) -> StreamShape:
    options = body.stream_options
    return StreamShape(
        per_prompt=replies,
        includes_usage=bool(options and options.include_usage),
        is_legacy=settings.legacy_stream,
    )


def to_completion_response(
    head: ResponseHead, body: CompletionRequest, echoes: list[str], done: list[Completion]
) -> CompletionResponse:
    """With best_of: of each prompt's replies, the n whose tokens are most likely on average."""
    n = body.n or 1
    replies = len(done) // len(echoes)
    groups = [done[i : i + replies] for i in range(0, len(done), replies)]
    chosen = [
        (echo, each)
        for echo, group in zip(echoes, groups, strict=True)
        for each in (sorted(group, key=_likelihood, reverse=True)[:n] if replies > n else group)
    ]
    return CompletionResponse(
        id=head.id,
        created=head.created,
        model=head.model,
        choices=[_to_choice(i, echo, each, body) for i, (echo, each) in enumerate(chosen)],
        usage=to_usage(add_usages([each.usage for each in group] for group in groups)),
    )


def _likelihood(done: Completion) -> float:
    logprobs = [token.chosen.logprob for token in done.logprobs]
    return sum(logprobs) / len(logprobs) if logprobs else float("-inf")


def _to_choice(
    index: int, echo: str, done: Completion, body: CompletionRequest
) -> CompletionChoice:
    logprobs = None
    if body.logprobs is not None:
        scored = done.prompt_logprobs
        logprobs = to_completion_logprobs(
            (*(as_given(scored, echo) if is_text(body) else scored), *done.logprobs),
            TextOffsets(),
            as_ids=bool(body.return_tokens_as_token_ids),
        )
    return CompletionChoice(
        index=index,
        text=echo + done.text,
        logprobs=logprobs,
        finish_reason=wire_reason(done.reason),
        stop_reason=done.stop_string,
    )
