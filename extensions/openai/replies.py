"""What both text endpoints do with their generation requests: submit, fold, or stream."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, suppress

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from extensions.openai.dependencies import while_connected
from extensions.openai.frames import Frames, StreamShape, to_frames
from extensions.openai.merge import merge
from extensions.openai.response_types import Response as Schema
from extensions.openai.sse import EventStreamResponse, guarded
from modules.core.errors import RequestError
from modules.core.events import Completion
from modules.core.requests import GenerationRequest
from modules.engine.engine import Engine
from modules.engine.model import LoadedModel
from modules.engine.stream import EventStream
from modules.hooks import Hooks
from modules.replies.plans import Plan
from modules.replies.start import start_all
from modules.replies.streams import ReplyStream
from modules.settings import Settings

MAX_REPLIES = 1024
"""Of all prompts of one request together."""
MAX_SCORES = 4_000_000
"""Log-probabilities of the tokens of prompts in one answer, which is made in memory: each takes some 150 bytes there."""


def start_plans(
    plans: Sequence[Plan], model: LoadedModel, hooks: Hooks, stack: AsyncExitStack
) -> list[ReplyStream]:
    """All replies or none; leaving `stack` cancels what has not ended."""
    replies = [reply for plan in plans for reply in plan.replies]
    _check_count(len(replies))
    _check_scores([reply.request for reply in replies])
    streams = start_all(plans, model, hooks)
    for stream in streams:
        stack.push_async_callback(stream.aclose)
    return streams


def submit_all(
    engine: Engine, requests: Sequence[GenerationRequest], stack: AsyncExitStack
) -> list[EventStream]:
    """The same without plans and hooks, for what is no reply to anybody."""
    _check_count(len(requests))
    streams = engine.submit_all(requests)
    for stream in streams:
        stack.push_async_callback(stream.aclose)
    return streams


def _check_count(count: int) -> None:
    if count > MAX_REPLIES:
        raise RequestError(
            f"This asks for {count} replies; one request may ask for {MAX_REPLIES}.", param="n"
        )


def _check_scores(requests: Sequence[GenerationRequest]) -> None:
    wanted = sum(
        len(request.prompt_ids) * (1 + request.prompt_logprobs)
        for request in requests
        if request.prompt_logprobs is not None
    )
    if wanted > MAX_SCORES:
        raise RequestError(
            f"This asks for {wanted} log-probabilities of the prompts' tokens; one request may ask for {MAX_SCORES}.",
            param="logprobs",
        )


async def taken_by_others(
    streams: Sequence[ReplyStream], body: BaseModel, request: Request, settings: Settings
) -> tuple[str, ...]:
    """Where another server answers: waits until it has let the requests in, so that its refusal is a status and not an event in
    a stream. A server that is silent for longer than the time between keep-alive comments is not waited for.

    The fields of `body` that it says have no effect.
    """
    open_ones = [stream for stream in streams if not stream.is_taken]
    if not open_ones:
        return ()
    waiting = asyncio.gather(*(stream.taken() for stream in open_ones))
    with suppress(TimeoutError):
        limit_s = settings.api_keep_alive_s or None
        await while_connected(request, asyncio.wait_for(waiting, limit_s))
    given = body.model_fields_set
    return tuple({name for stream in open_ones for name in stream.ignored if name in given})


async def fold_all(streams: Sequence[ReplyStream]) -> list[Completion]:
    """All replies; the first error ends the others too."""
    try:
        async with asyncio.TaskGroup() as group:
            folds = [group.create_task(stream.fold()) for stream in streams]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [fold.result() for fold in folds]


def stream_response(
    frames: Frames,
    streams: list[ReplyStream],
    shape: StreamShape,
    settings: Settings,
    *,
    cleanup: AsyncExitStack,
    headers: dict[str, str],
) -> EventStreamResponse:
    sent: AsyncGenerator[bytes] = guarded(
        to_frames(frames, merge(streams), shape, len(streams)), sends_done=not shape.is_legacy
    )
    return EventStreamResponse(sent, cleanup, settings.api_keep_alive_s, headers)


def json_response(body: Schema, headers: dict[str, str] | None = None) -> Response:
    """The schema's own JSON: FastAPI would build and check it a second time."""
    return Response(body.model_dump_json(), media_type="application/json", headers=headers)
