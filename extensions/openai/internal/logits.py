"""POST /v1/internal/logits: the distribution of the next token, as the model has it or as the samplers leave it."""

import asyncio
import math

from fastapi import APIRouter, Request, Response

from extensions.openai.adapted import lease_adapted
from extensions.openai.convert import to_sampling
from extensions.openai.dependencies import Context, note_ignored, while_connected
from extensions.openai.response_types import LogitsResponse, TokenProbability
from extensions.openai.typing import LogitsRequest
from modules.core.errors import Cancelled
from modules.core.events import TokenChoice
from modules.core.requests import GenerationRequest
from modules.core.sampling import SamplingParams
from modules.core.unrendered import TextPrompt
from modules.engine.encoding import check_length
from modules.engine.model import LoadedModel

router = APIRouter(prefix="/v1/internal", tags=["internal"])

DEFAULT_TOP = 50


@router.post("/logits")
async def show_logits(
    body: LogitsRequest, request: Request, response: Response, context: Context
) -> LogitsResponse:
    """The most likely next tokens with their probabilities."""
    note_ignored(body, response, context)
    async with lease_adapted(body, context, request) as adapted:
        model = adapted.model
        wanted = await asyncio.to_thread(_to_request, body, model, context.settings.sampling)
        [wanted] = adapted.adapt([wanted])
        done = await while_connected(request, model.engine.complete(wanted))
    if done.reason == "cancelled":
        raise Cancelled("This was stopped before it was done.")
    top = done.logprobs[0].alternatives if done.logprobs else ()
    return to_logits_response(top)


def _to_request(
    body: LogitsRequest, model: LoadedModel, defaults: SamplingParams
) -> GenerationRequest:
    ids, unrendered = _prompt(body.prompt, model)
    sampling = to_sampling(body, defaults)
    model.engine.check_sampling(sampling)  # also where it is not used
    top = DEFAULT_TOP if body.top_logits is None else body.top_logits
    request = GenerationRequest(
        prompt_ids=tuple(ids),
        unrendered=unrendered,
        max_tokens=1,
        sampling=sampling if body.use_samplers else SamplingParams(),
        logprobs=top,
        sampled_logprobs=bool(body.use_samplers),
        scores_end=True,
    )
    model.engine.prepare(request)
    return request


def _prompt(text: str, model: LoadedModel) -> tuple[list[int], TextPrompt | None]:
    if model.info.renders_itself:
        return [], TextPrompt(text)
    tokenizer = model.engine.tokenizer
    check_length(text, model.engine, param="prompt")
    ids = tokenizer.encode(text, add_special=True, parse_special=True)
    return ids or [tokenizer.start_id], None


def to_logits_response(top: tuple[TokenChoice, ...]) -> LogitsResponse:
    tokens = [
        TokenProbability(
            id=choice.token_id,
            token=choice.text,
            probability=math.exp(choice.logprob),
            logprob=choice.logprob,
        )
        for choice in top
    ]
    logits: dict[str, float] = {}
    for token in tokens:
        logits.setdefault(token.token, token.probability)
    return LogitsResponse(logits=logits, tokens=tokens)
