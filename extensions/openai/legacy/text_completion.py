"""POST /v1/text_completion and /v1/generate: completions under older names."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from extensions.openai.completions import create_completion
from extensions.openai.dependencies import Context
from extensions.openai.legacy.answers import ChangedStream, body_of, ignored_in, renamed_params
from extensions.openai.legacy.typing import GenerateRequest, GenerateResponse
from extensions.openai.replies import json_response
from extensions.openai.response_types import CompletionResponse
from extensions.openai.typing import CompletionRequest
from modules.context import AppContext
from modules.core.errors import RequestError

router = APIRouter(prefix="/v1", tags=["legacy"])

_RENAMED = {"prompt": "context", "max_tokens": "length", "n": "completions"}


@router.post("/text_completion", response_model=CompletionResponse)
async def create_text_completion(
    body: CompletionRequest, request: Request, context: Context
) -> Response:
    """The same as /v1/completions."""
    return await create_completion(body, request, context)


@router.post("/generate", response_model=GenerateResponse)
async def create_generate(body: GenerateRequest, request: Request, context: Context) -> Response:
    """A completion of the loaded model, with the results in `data`."""
    return await generate(body, request, context)


async def generate(body: GenerateRequest, request: Request, context: AppContext) -> Response:
    if body.context is None and body.prompt is None:
        raise RequestError("Missing required parameter: 'context'.", param="context")
    given = {
        new: value
        for new, old in _RENAMED.items()
        if (value := getattr(body, old)) is not None  # the old name wins
    }
    renamed = {new: old for new, old in _RENAMED.items() if new in given}
    with renamed_params(renamed):
        response = await create_completion(body.model_copy(update=given), request, context)
    if body.stream:
        return ChangedStream(response, _with_data)
    shaped = GenerateResponse.model_validate(_with_data(body_of(response)))
    return json_response(shaped, ignored_in(response.headers))


def _with_data(fields: dict[str, Any]) -> dict[str, Any]:
    return {("data" if name == "choices" else name): value for name, value in fields.items()}
