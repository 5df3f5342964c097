"""POST /v1/edits: a text and what to do with it, answered by the chat model."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from extensions.openai.chat import create_chat_completion
from extensions.openai.dependencies import Context
from extensions.openai.ignored import ignored_headers
from extensions.openai.legacy.answers import body_of, ignored_in, message_of, renamed_params
from extensions.openai.legacy.typing import EditChoice, EditRequest, EditResponse
from extensions.openai.replies import json_response
from extensions.openai.response_types import UsageInfo
from extensions.openai.typing import ChatCompletionRequest
from modules.context import AppContext
from modules.core.sampling import SAMPLERS_BY_NAME

router = APIRouter(tags=["legacy"])

RULES = (
    "Carry out the instruction on the text below it. Answer with the changed text alone, "
    "without comments and without quotation marks."
)


@router.post("/v1/edits", response_model=EditResponse)
async def create_edit(body: EditRequest, request: Request, context: Context) -> Response:
    """Change a text as the instruction says."""
    return await edit(body, request, context)


async def edit(body: EditRequest, request: Request, context: AppContext) -> Response:
    headers = ignored_headers(body, None, is_strict=context.settings.strict_params)
    with renamed_params({"messages": "input"}):
        answer = await create_chat_completion(to_chat_request(body), request, context)
    return json_response(to_edit_response(body_of(answer)), ignored_in(headers, answer.headers))


def to_chat_request(body: EditRequest) -> ChatCompletionRequest:
    """An edit is no matter for long thoughts: thinking is off."""
    text = body.instruction if not body.input else f"{body.instruction}\n\n{body.input}"
    sampling = {
        name: getattr(body, name) for name in body.model_fields_set & SAMPLERS_BY_NAME.keys()
    }
    return ChatCompletionRequest(
        messages=[
            message_of("system", RULES),
            message_of("user", text),
        ],
        model=body.model,
        n=body.n,
        enable_thinking=False,
        **sampling,
    )


def to_edit_response(chat: dict[str, Any]) -> EditResponse:
    choices = [
        EditChoice(text=choice["message"]["content"] or "", index=choice["index"])
        for choice in chat["choices"]
    ]
    return EditResponse(
        created=chat["created"], choices=choices, usage=UsageInfo.model_validate(chat["usage"])
    )
