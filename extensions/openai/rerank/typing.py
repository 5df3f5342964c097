"""The wire of /v1/rerank and /v1/score. Nothing here computes."""

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from extensions.openai.fields import Request, Text, example
from extensions.openai.response_types import LeanResponse, Response


class DocumentText(Request):
    """A document with its text under a name; what else it has comes back as it is."""

    text: Text


class RerankRequest(Request):
    model_config = example(
        query="What color is the sky?", documents=["Dogs bark.", "The sky is blue."], top_n=1
    )

    query: Text
    documents: list[Text | DocumentText] = Field(
        description="Up to 2048 texts, or objects with `text`"
    )
    model: Text | None = None
    top_n: int | None = Field(None, ge=1, description="Only the best so many (default: all)")
    return_documents: bool | None = Field(None, description="Send the documents back as well")
    max_tokens_per_doc: int | None = Field(
        None, ge=1, le=2**31, description="Read only the first so many tokens of each document"
    )
    truncate: bool | None = Field(
        None,
        description="false: a document that does not fit beside the query is an error; else its end is left out, and `meta.warnings` says so",
    )
    user: Text | None = None


class RerankDocument(Response):
    """With whatever else the document had in the request."""

    model_config = ConfigDict(extra="allow")

    text: str


class RerankResult(LeanResponse):
    _lean: ClassVar[tuple[str, ...]] = ("document",)

    index: int
    relevance_score: float = Field(description="From 0 to 1")
    document: RerankDocument | None = None


class ScoreUsage(Response):
    prompt_tokens: int
    total_tokens: int
    completion_tokens: int = 0


class BilledUnits(Response):
    """One for each 100 documents, as Cohere counts; nothing is billed here."""

    search_units: int


class RerankMeta(LeanResponse):
    _lean: ClassVar[tuple[str, ...]] = ("warnings",)

    billed_units: BilledUnits
    warnings: list[str] | None = None


class RerankResponse(Response):
    id: str
    model: str
    results: list[RerankResult]
    usage: ScoreUsage
    meta: RerankMeta


class ScoreRequest(Request):
    model_config = example(
        text_1="What color is the sky?", text_2=["Dogs bark.", "The sky is blue."]
    )

    text_1: Text | list[Text] = Field(
        description="A query, or one for each text of `text_2` (up to 2048)"
    )
    text_2: Text | list[Text]
    model: Text | None = None
    truncate_prompt_tokens: int | None = Field(
        None,
        ge=-1,
        le=2**31,
        description="Read only the first so many tokens of each text of `text_2`; -1: as many as fit",
    )
    user: Text | None = None


class ScoreObject(Response):
    index: int
    object: Literal["score"] = "score"
    score: float = Field(description="From 0 to 1")


class ScoreResponse(Response):
    id: str
    object: Literal["list"] = "list"
    created: int
    model: str
    data: list[ScoreObject]
    usage: ScoreUsage
