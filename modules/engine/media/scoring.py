"""How well documents answer a query: by a reranker, or, where there is none, by comparing embeddings."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from modules.core.errors import ContextLengthExceeded, RequestError
from modules.core.jobs import Job
from modules.core.vectors import EncodedPair, EncodedText, refuse_huge
from modules.engine.media.embedding import (
    DOCUMENT,
    QUERY,
    Cutting,
    embed,
    encode_texts,
    encode_whole,
    fit,
    parts_of,
    unit_vectors,
    wording_for,
)
from modules.engine.media.step_thread import Steps
from modules.engine.media.worker import Worker
from modules.loaders.media_base import Embedder, Reranker

MAX_DOCUMENTS = 2048


@dataclass(frozen=True, slots=True)
class Names:
    """What a request calls the texts of a question, for errors. `first`: the place of the first document; None: there is but one, without a place."""

    query: str = "query"
    documents: str = "documents"
    first: int | None = 0

    def query_at(self, _: int) -> str:
        return self.query

    def document_at(self, place: int) -> str:
        return self.documents if self.first is None else f"{self.documents}[{self.first + place}]"


@dataclass(frozen=True, slots=True)
class Question:
    """A query with documents.

    `max_document_tokens`: read so many of each. `cuts`: what does not fit is left out, else it is an error.
    """

    query: str
    documents: Sequence[str]
    names: Names = Names()
    max_document_tokens: int | None = None
    cuts: bool = True


@dataclass(frozen=True, slots=True)
class Scores:
    """From 0 to 1, in the order of the documents; how many tokens were read, and which documents were cut to fit."""

    values: tuple[float, ...]
    tokens: int
    cut: tuple[int, ...] = ()


class Scorer(Protocol):
    @property
    def name(self) -> str:
        """Of the model."""
        ...

    async def score(self, questions: Sequence[Question], job: Job) -> Scores:
        """The scores of the first question's documents, then those of the next."""
        ...


@dataclass(frozen=True, slots=True)
class PairScorer:
    """By a cross-encoder, which reads query and document together."""

    worker: Worker[Reranker]

    @property
    def name(self) -> str:
        return self.worker.name

    async def score(self, questions: Sequence[Question], job: Job) -> Scores:
        limits, limit = self.worker.model.traits.limits, self.worker.model.traits.max_tokens
        pairs = await self.worker.prepare_in_steps(
            lambda model, _: _encode_pairs(model, questions), job
        )
        values = await self.worker.run_together(compute_scores, pairs, limits, job)
        tokens = sum(pair.size for pair in pairs)
        self.worker.statistics.units += tokens
        cut = tuple(place for place, pair in enumerate(pairs) if _was_too_long(pair, limit))
        return Scores(tuple(values), tokens, cut)


def compute_scores(model: Reranker, batch: Sequence[EncodedPair]) -> Sequence[Any]:
    return model.score(batch)


def _encode_pairs(model: Reranker, questions: Sequence[Question]) -> Steps[list[EncodedPair]]:
    pairs: list[EncodedPair] = []
    for question in questions:
        refuse_huge(question.query, model.traits.max_tokens, question.names.query)
        for part in parts_of(question.documents, beside=len(question.query)):
            yield
            pairs += _encode_part(model, question, part)
    return pairs


def _encode_part(model: Reranker, question: Question, part: slice) -> list[EncodedPair]:
    """The query with some of its documents."""
    limit = model.traits.max_tokens
    some = question.documents[part]
    try:
        pairs = model.encode(question.query, some, question.max_document_tokens)
    except RequestError as error:
        error.param = question.names.query
        raise
    for place, pair in enumerate(pairs, part.start):
        if _was_too_long(pair, limit) and not question.cuts:
            where = question.names.document_at(place)
            raise ContextLengthExceeded(pair.size + pair.cut_tokens, limit, param=where)
    return pairs


def _was_too_long(pair: EncodedPair, limit: int) -> bool:
    """For the model, not for the number of tokens that the request named."""
    return pair.cut_tokens > 0 and pair.size >= limit


@dataclass(frozen=True, slots=True)
class VectorScorer:
    """By the angle between the embeddings of query and document, brought from -1..1 to 0..1."""

    worker: Worker[Embedder]

    @property
    def name(self) -> str:
        return self.worker.name

    async def score(self, questions: Sequence[Question], job: Job) -> Scores:
        texts, cut = await self.worker.prepare_in_steps(
            lambda model, _: _encode_apart(model, questions), job
        )
        vectors = await embed(self.worker, texts, job)
        counts = [len(question.documents) for question in questions]
        values = await asyncio.to_thread(_similarities, vectors, counts)
        return Scores(tuple(values), sum(text.size for text in texts), cut)


def _encode_apart(
    model: Embedder, questions: Sequence[Question]
) -> Steps[tuple[list[EncodedText], tuple[int, ...]]]:
    """Each query followed by its documents; and which of all documents were cut to fit."""
    texts: list[EncodedText] = []
    cut: list[int] = []
    for asked, question in enumerate(questions):
        seen = len(texts) - asked
        texts += yield from _encode_query(model, question)
        documents, too_long = yield from _encode_documents(model, question)
        texts += documents
        cut += [seen + place for place in too_long]
    return texts, tuple(cut)


def _encode_query(model: Embedder, question: Question) -> Steps[list[EncodedText]]:
    wording = wording_for(model.traits, QUERY, "query")
    return encode_texts(model, [question.query], wording, Cutting(), question.names.query_at)


def _encode_documents(
    model: Embedder, question: Question
) -> Steps[tuple[list[EncodedText], list[int]]]:
    """With the places of those that are too long for the model, where the request names no number of tokens."""
    limit = question.max_document_tokens
    cutting = Cutting(is_on=question.cuts or limit is not None, limit=limit)
    wording = wording_for(model.traits, DOCUMENT, "document")
    name = question.names.document_at
    whole = yield from encode_whole(model, question.documents, wording, cutting, name)
    most = model.traits.max_tokens
    too_long = [place for place, text in enumerate(whole) if text.size > most]
    return fit(model, whole, cutting, name), [] if limit else too_long


def _similarities(vectors: Sequence[Any], counts: Sequence[int]) -> list[float]:
    """`counts`: how many documents follow each query."""
    units = unit_vectors(vectors)
    found: list[float] = []
    start = 0
    for count in counts:
        cosines = units[start + 1 : start + 1 + count] @ units[start]
        found += [(1 + min(1.0, max(-1.0, float(cosine)))) / 2 for cosine in cosines]
        start += 1 + count
    return found
