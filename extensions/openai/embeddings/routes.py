"""POST /v1/embeddings."""

import asyncio
import base64
import uuid
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from extensions.openai.dependencies import Context, while_connected
from extensions.openai.embeddings.inputs import (
    Inputs,
    cutting_of,
    encode_inputs,
    idle_fields,
    read_inputs,
)
from extensions.openai.embeddings.typing import EmbeddingRequest, EmbeddingResponse, TextFields
from extensions.openai.fields import Prompt
from extensions.openai.head import REQUEST_ID
from extensions.openai.ignored import ignored_headers
from extensions.openai.media_lease import lease_worker
from modules.context import AppContext
from modules.core.errors import RequestError
from modules.core.events import Usage
from modules.core.jobs import Job
from modules.engine.media.embedding import embed, unit_vectors
from modules.engine.media.worker import Worker
from modules.loaders.media_base import Embedder

router = APIRouter(tags=["embeddings"])


@router.post("/v1/embeddings", response_model=EmbeddingResponse)
async def create_embedding(body: EmbeddingRequest, request: Request, context: Context) -> Response:
    """Texts as vectors: the nearer two texts are in meaning, the larger the product of their vectors."""
    return await answer(body.input, body, request, context)


async def answer(
    given: Prompt, body: TextFields, request: Request, context: AppContext
) -> Response:
    inputs = read_inputs(given)
    async with lease_worker(context.media.embedding, body.model, context, request) as worker:
        traits = worker.model.traits
        _check_dimensions(body.dimensions, traits.dimensions)
        headers = ignored_headers(
            body,
            None,
            is_strict=context.settings.strict_params,
            also=idle_fields(body, traits),
        )
        job = Job(stop_id=f"embd-{uuid.uuid4().hex}")
        headers[REQUEST_ID] = job.stop_id
        content, tokens = await while_connected(request, _compute(worker, inputs, body, job))
        context.models.ledger.note(worker.name, Usage(tokens, 0))
    return Response(content, media_type="application/json", headers=headers)


async def _compute(
    worker: Worker[Embedder], inputs: Inputs, body: TextFields, job: Job
) -> tuple[bytes, int]:
    """The answer as JSON, and how many tokens were read."""
    cutting = cutting_of(body)
    texts = await worker.prepare_in_steps(
        lambda model, _: encode_inputs(model, inputs, body, cutting), job
    )
    vectors = await embed(worker, texts, job)
    tokens = sum(text.size for text in texts)
    return await asyncio.to_thread(to_json, vectors, tokens, worker.name, body), tokens


def _check_dimensions(wanted: int | None, of_model: int) -> None:
    if wanted is not None and not 1 <= wanted <= of_model:
        raise RequestError(
            f"Invalid value for 'dimensions': this model's vectors have {of_model} numbers, so it must be from 1 to {of_model}.",
            param="dimensions",
        )


def to_json(vectors: Sequence[Any], tokens: int, model: str, body: TextFields) -> bytes:
    """Thousands of numbers: written by orjson from the arrays themselves, never as Python's."""
    rows = _shape(vectors, body)
    if body.encoding_format == "base64":
        shown: list[Any] = [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in rows]
    else:
        shown = list(rows)
    answer = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": row}
            for index, row in enumerate(shown)
        ],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _shape(vectors: Sequence[Any], body: TextFields) -> Any:
    if body.normalize is False:
        return [row[: body.dimensions].copy() for row in vectors]
    return unit_vectors(vectors, body.dimensions)
