"""POST /v1/rerank in the shape of Cohere and Jina, POST /v1/score in vLLM's."""

import time
import uuid
from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Request, Response

from extensions.openai.dependencies import Context, note_ignored, while_connected
from extensions.openai.head import REQUEST_ID
from extensions.openai.rerank.scorers import lease_scorer
from extensions.openai.rerank.typing import (
    BilledUnits,
    DocumentText,
    RerankDocument,
    RerankMeta,
    RerankRequest,
    RerankResponse,
    RerankResult,
    ScoreObject,
    ScoreRequest,
    ScoreResponse,
    ScoreUsage,
)
from modules.core.errors import RequestError
from modules.core.events import Usage
from modules.core.jobs import Job
from modules.engine.media.scoring import (
    MAX_DOCUMENTS,
    Names,
    Question,
    Scores,
)

router = APIRouter(tags=["rerank"])

DOCUMENTS_OF_A_UNIT = 100


@router.post("/v1/rerank")
@router.post("/v2/rerank", operation_id="rerank_v2")
@router.post("/rerank", operation_id="rerank_bare")
async def rerank(
    body: RerankRequest, request: Request, response: Response, context: Context
) -> RerankResponse:
    """Documents in the order of how well they answer a query."""
    documents = [each if isinstance(each, str) else each.text for each in body.documents]
    check_documents(body.query, documents)
    note_ignored(body, response, context)
    question = Question(
        body.query,
        documents,
        max_document_tokens=body.max_tokens_per_doc,
        cuts=body.truncate is not False,
    )
    async with lease_scorer(body.model, context, request) as scorer:
        job = Job(stop_id=f"rerank-{uuid.uuid4().hex}")
        response.headers[REQUEST_ID] = job.stop_id
        scores = await while_connected(request, scorer.score([question], job))
        context.models.ledger.note(scorer.name, Usage(scores.tokens, 0))
        return to_rerank_response(body, scores, scorer.name, job.stop_id)


def check_documents(query: str, documents: Sequence[str]) -> None:
    if not query:
        raise RequestError("Invalid 'query': it cannot be an empty string.", param="query")
    check_count(documents, "documents")


def check_count(texts: Sequence[str], param: str) -> None:
    if not texts:
        raise RequestError(f"Invalid '{param}': it cannot be an empty list.", param=param)
    if len(texts) > MAX_DOCUMENTS:
        raise RequestError(
            f"Invalid '{param}': it has {len(texts)} texts; there can be at most {MAX_DOCUMENTS}.",
            param=param,
        )


def to_rerank_response(
    body: RerankRequest, scores: Scores, model: str, response_id: str
) -> RerankResponse:
    order = sorted(range(len(scores.values)), key=lambda place: -scores.values[place])
    units = -(-len(order) // DOCUMENTS_OF_A_UNIT)
    return RerankResponse(
        id=response_id,
        model=model,
        results=[
            RerankResult(
                index=place,
                relevance_score=scores.values[place],
                document=_to_document(body.documents[place]) if body.return_documents else None,
            )
            for place in order[: body.top_n]
        ],
        usage=to_usage(scores.tokens),
        meta=RerankMeta(
            billed_units=BilledUnits(search_units=units), warnings=_warnings(scores.cut)
        ),
    )


def _to_document(document: str | DocumentText) -> RerankDocument:
    if isinstance(document, str):
        return RerankDocument(text=document)
    return RerankDocument(text=document.text, **(document.model_extra or {}))


def _warnings(cut: Sequence[int]) -> list[str] | None:
    if not cut:
        return None
    places = ", ".join(map(str, cut[:20])) + (" …" if len(cut) > 20 else "")
    return [f"{len(cut)} documents were too long for the model; their ends were not read: {places}"]


def to_usage(tokens: int) -> ScoreUsage:
    return ScoreUsage(prompt_tokens=tokens, total_tokens=tokens)


@router.post("/v1/score")
@router.post("/score", operation_id="score_bare")
async def score(
    body: ScoreRequest, request: Request, response: Response, context: Context
) -> ScoreResponse:
    """How well each text of `text_2` answers `text_1`."""
    questions = to_questions(body)
    note_ignored(body, response, context)
    async with lease_scorer(body.model, context, request) as scorer:
        job = Job(stop_id=f"score-{uuid.uuid4().hex}")
        response.headers[REQUEST_ID] = job.stop_id
        scores = await while_connected(request, scorer.score(questions, job))
        context.models.ledger.note(scorer.name, Usage(scores.tokens, 0))
    return ScoreResponse(
        id=job.stop_id,
        created=int(time.time()),
        model=scorer.name,
        data=[ScoreObject(index=index, score=value) for index, value in enumerate(scores.values)],
        usage=to_usage(scores.tokens),
    )


def to_questions(body: ScoreRequest) -> list[Question]:
    """One query with all texts, or each query with its text."""
    first = [body.text_1] if isinstance(body.text_1, str) else body.text_1
    second = [body.text_2] if isinstance(body.text_2, str) else body.text_2
    check_count(first, "text_1")
    check_count(second, "text_2")
    for place, text in enumerate(first):
        if not text:
            where = "text_1" if isinstance(body.text_1, str) else f"text_1[{place}]"
            raise RequestError(f"Invalid '{where}': it cannot be an empty string.", param=where)
    if len(first) not in (1, len(second)):
        raise RequestError(
            f"text_1 has {len(first)} texts and text_2 {len(second)}: there must be one text_1 for all, or one for each.",
            param="text_1",
        )
    limit = body.truncate_prompt_tokens
    if limit == 0:
        raise RequestError(
            "truncate_prompt_tokens must be at least 1, or -1 for as many as fit.",
            param="truncate_prompt_tokens",
        )
    most = limit if limit is not None and limit > 0 else None
    return [
        Question(one, others, names, most, cuts=limit is not None)
        for one, others, names in _grouped(body, first, second)
    ]


def _grouped(
    body: ScoreRequest, first: Sequence[str], second: Sequence[str]
) -> Iterator[tuple[str, Sequence[str], Names]]:
    has_places = not isinstance(body.text_1, str), not isinstance(body.text_2, str)
    if len(first) == 1:
        name = "text_1[0]" if has_places[0] else "text_1"
        yield first[0], second, Names(name, "text_2", 0 if has_places[1] else None)
        return
    for place, (one, other) in enumerate(zip(first, second, strict=True)):
        yield one, [other], Names(f"text_1[{place}]", "text_2", place)
