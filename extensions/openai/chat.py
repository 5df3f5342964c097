"""POST /v1/chat/completions."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from fastapi import APIRouter, Request
from starlette.responses import Response

from extensions.openai.adapted import lease_adapted
from extensions.openai.chat_plan import ignored_fields, is_slow_to_plan, to_chat_request
from extensions.openai.convert import refuse_unsupported
from extensions.openai.dependencies import Context, while_connected
from extensions.openai.frames import ChatFrames, StreamShape, wire_reason
from extensions.openai.head import ResponseHead
from extensions.openai.ignored import ignored_headers
from extensions.openai.logprobs import to_chat_logprobs
from extensions.openai.pictures import load_pictures
from extensions.openai.replies import (
    fold_all,
    json_response,
    start_plans,
    stream_response,
    taken_by_others,
)
from extensions.openai.response_types import (
    CalledFunction,
    ChatChoice,
    ChatCompletionResponse,
    ReplyMessage,
    ReplyToolCall,
)
from extensions.openai.typing import ChatCompletionRequest
from extensions.openai.usage import add_usages, to_usage
from modules.core.events import Completion
from modules.replies.chat_plan import plan_chat
from modules.replies.plans import ChatPlan
from modules.replies.start import in_thread
from modules.settings import Settings

router = APIRouter(tags=["chat"])


@router.post("/v1/chat/completions", response_model=ChatCompletionResponse)
async def create_chat_completion(
    body: ChatCompletionRequest, request: Request, context: Context
) -> Response:
    """Answer a chat. With `stream` the answer comes as server-sent events of `chat.completion.chunk`."""
    refuse_unsupported(body)
    settings = context.settings
    async with AsyncExitStack() as stack:
        adapted = await stack.enter_async_context(lease_adapted(body, context, request))
        model = adapted.model
        head = ResponseHead.for_chat(adapted.name)
        images = await while_connected(
            request, load_pictures(body.messages, model, settings, context.hooks)
        )

        def plan_reply() -> ChatPlan:
            asked = to_chat_request(
                body, images, settings, stop_id=head.id, adapters=adapted.adapters
            )
            return plan_chat(asked, model, context.hooks)

        plan = await in_thread(plan_reply, model, is_slow=is_slow_to_plan(body))
        ignored = ignored_fields(body, plan.unheeded)
        headers = ignored_headers(body, model.info, is_strict=settings.strict_params, also=ignored)
        streams = start_plans([plan], model, context.hooks, stack)
        if also := await taken_by_others(streams, body, request, settings):
            headers = ignored_headers(
                body, model.info, is_strict=settings.strict_params, also=(*ignored, *also)
            )
        if body.stream:
            shape = _stream_shape(body, plan, settings)
            return stream_response(
                ChatFrames(head, shape),
                streams,
                shape,
                settings,
                cleanup=stack.pop_all(),
                headers=headers,
            )
        done = await while_connected(request, fold_all(streams))
    return json_response(
        to_chat_response(head, plan, done, has_logprobs=bool(body.logprobs)), headers
    )


def _stream_shape(body: ChatCompletionRequest, plan: ChatPlan, settings: Settings) -> StreamShape:
    options = body.stream_options
    return StreamShape(
        per_prompt=len(plan.replies),
        includes_usage=bool(options and options.include_usage),
        is_legacy=settings.legacy_stream,
        has_old_calls=plan.state.tools.is_old,
        hides_reasoning=plan.state.thinking.is_hidden,
        truncated=plan.truncated,
    )


def to_chat_response(
    head: ResponseHead, plan: ChatPlan, done: Sequence[Completion], *, has_logprobs: bool
) -> ChatCompletionResponse:
    choices = [
        ChatChoice(
            index=i,
            message=_to_message(each, plan),
            logprobs=to_chat_logprobs(each.logprobs) if has_logprobs else None,
            finish_reason=wire_reason(each.reason, has_old_calls=plan.state.tools.is_old),
            stop_reason=each.stop_string,
        )
        for i, each in enumerate(done)
    ]
    usage = to_usage(add_usages([[each.usage for each in done]]), plan.truncated)
    return ChatCompletionResponse(
        id=head.id, created=head.created, model=head.model, choices=choices, usage=usage
    )


def _to_message(done: Completion, plan: ChatPlan) -> ReplyMessage:
    """`content` is null only beside calls that have no text before them."""
    message = ReplyMessage(content=done.text)
    if done.reasoning and not plan.state.thinking.is_hidden:
        message.reasoning_content = done.reasoning
    if not done.tool_calls:
        return message
    message.content = done.text or None
    functions = [
        CalledFunction(name=call.name, arguments=call.arguments) for call in done.tool_calls
    ]
    if plan.state.tools.is_old:
        message.function_call = functions[0]
    else:
        message.tool_calls = [
            ReplyToolCall(id=call.id, function=function)
            for call, function in zip(done.tool_calls, functions, strict=True)
        ]
    return message
