"""Search as OpenAI had it until 2022: documents by how well they answer a query. Answered by the reranker."""

import uuid
from typing import ClassVar, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from extensions.openai.dependencies import Context, note_ignored, while_connected
from extensions.openai.fields import Request as RequestSchema, Text, example
from extensions.openai.head import REQUEST_ID
from extensions.openai.rerank.routes import check_documents
from extensions.openai.rerank.scorers import lease_scorer
from extensions.openai.response_types import LeanResponse, Response as ResponseSchema
from modules.context import AppContext
from modules.core.errors import RequestError
from modules.core.events import Usage
from modules.core.jobs import Job
from modules.engine.media.scoring import Question

router = APIRouter(tags=["legacy"])

MAX_RERANK = 200


class SearchRequest(RequestSchema):
    model_config = example(
        query="What color is the sky?", documents=["Dogs bark.", "The sky is blue."]
    )

    query: Text
    documents: list[Text] | None = Field(None, description="Up to 2048 texts")
    file: Text | None = Field(None, description="Not supported: send documents")
    max_rerank: int | None = Field(None, ge=1, description="Return the best so many (default 200)")
    return_metadata: bool | None = Field(None, description="Send the texts back as well")
    model: Text | None = None
    user: Text | None = None


class SearchResult(LeanResponse):
    _lean: ClassVar[tuple[str, ...]] = ("text",)

    object: Literal["search_result"] = "search_result"
    document: int
    score: float = Field(description="From 0 to 1")
    text: str | None = None


class SearchResponse(ResponseSchema):
    object: Literal["list"] = "list"
    data: list[SearchResult] = Field(description="In the order of the documents")
    model: str


@router.post("/v1/search")
async def search(
    body: SearchRequest, request: Request, response: Response, context: Context
) -> SearchResponse:
    """A score for each document."""
    note_ignored(body, response, context)
    job = Job(stop_id=f"search-{uuid.uuid4().hex}")
    response.headers[REQUEST_ID] = job.stop_id
    return await find(body, request, context, job)


async def find(
    body: SearchRequest, request: Request, context: AppContext, job: Job
) -> SearchResponse:
    if body.file is not None:
        raise RequestError(
            "Uploaded files are not searched here; send the texts as 'documents'.", param="file"
        )
    documents = body.documents or []
    check_documents(body.query, documents)
    async with lease_scorer(body.model, context, request) as scorer:
        question = Question(body.query, documents)
        scores = await while_connected(request, scorer.score([question], job))
        context.models.ledger.note(scorer.name, Usage(scores.tokens, 0))
    best = sorted(range(len(documents)), key=lambda place: -scores.values[place])
    return SearchResponse(
        data=[
            SearchResult(
                document=place,
                score=scores.values[place],
                text=documents[place] if body.return_metadata else None,
            )
            for place in sorted(best[: body.max_rerank or MAX_RERANK])
        ],
        model=scorer.name,
    )
