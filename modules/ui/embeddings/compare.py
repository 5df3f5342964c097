"""Lines of text compared by their embeddings, and with a query."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from modules.context import AppContext
from modules.core.errors import ContextLengthExceeded, RequestError
from modules.core.events import Usage
from modules.core.jobs import Job
from modules.core.vectors import EncodedText
from modules.engine.media.embedding import (
    DOCUMENT,
    QUERY,
    Cutting,
    Wording,
    embed,
    encode_texts,
    unit_vectors,
    wording_for,
)
from modules.engine.media.scoring import PairScorer, Question
from modules.engine.media.worker import Worker
from modules.loaders.media_base import Embedder
from modules.ui.embeddings import space
from modules.ui.embeddings.pictures import Near
from modules.ui.media_models import find_model

MAX_LINES = 60
"""More do not fit into a picture."""


@dataclass(frozen=True, slots=True)
class CompareWish:
    """`model`, `reranker`: names of installed ones; no reranking without a name. `query` may be empty."""

    lines: tuple[str, ...]
    query: str = ""
    model: str | None = None
    reranker: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`similarities`: of each line to each, `points`: places in a map. `nearest` to the query first, empty without one. `tokens`: of
    each line. `dimensions`: of a vector.
    """

    model: str
    lines: tuple[str, ...]
    dimensions: int
    tokens: tuple[int, ...]
    similarities: list[list[float]]
    points: list[tuple[float, float]]
    nearest: list[Near] = field(default_factory=list[Near])
    reranker: str | None = None


@dataclass(frozen=True, slots=True)
class Vectors:
    """Of length 1; and how many tokens each text has."""

    units: Any
    tokens: tuple[int, ...]


def to_lines(text: str) -> tuple[str, ...]:
    """Those that are not empty. RequestError where there are too few or too many."""
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(lines) < 2:
        raise RequestError("Write at least two lines to compare.")
    if len(lines) > MAX_LINES:
        raise RequestError(
            f"There are {len(lines)} lines; at most {MAX_LINES} can be compared here."
        )
    return lines


async def compare(wish: CompareWish, context: AppContext) -> Comparison:
    """RequestError says which line is too long for the model."""
    pool = context.media.embedding
    async with pool.lease(await find_model(pool, wish.model)) as worker:
        traits, job = worker.model.traits, Job(stop_id=f"embd-{uuid.uuid4().hex}")
        plain = wording_for(traits, [])
        own = await _embed(worker, wish.lines, plain, job)
        cosines: list[float] = []
        read = sum(own.tokens)
        if wish.query:
            as_documents = wording_for(traits, DOCUMENT, "document")
            documents = own
            if as_documents != plain:
                documents = await _embed(worker, wish.lines, as_documents, job)
                read += sum(documents.tokens)
            asked = await _embed(worker, [wish.query], wording_for(traits, QUERY, "query"), job)
            read += sum(asked.tokens)
            cosines = space.cosines(documents.units, asked.units[0])
        name, dimensions = worker.name, traits.dimensions
    context.models.ledger.note(name, Usage(read, 0))
    relevance = await _rerank(wish, context) if wish.query and wish.reranker else None
    return Comparison(
        name,
        wish.lines,
        dimensions,
        own.tokens,
        await asyncio.to_thread(space.similarities, own.units),
        await asyncio.to_thread(space.flat, own.units),
        to_nearest(wish.lines, cosines, relevance),
        wish.reranker if relevance else None,
    )


def to_nearest(
    lines: Sequence[str], cosines: Sequence[float], relevance: Sequence[float] | None
) -> list[Near]:
    """By relevance where it is known, else by similarity."""
    order = space.order_of(relevance or cosines)
    return [
        Near(place, lines[place], cosines[place], relevance[place] if relevance else None)
        for place in order
    ]


async def _embed(
    worker: Worker[Embedder], texts: Sequence[str], wording: Wording, job: Job
) -> Vectors:
    def name(place: int) -> str:
        return "The query" if len(texts) == 1 else f"Line {place + 1}"

    try:
        encoded: list[EncodedText] = await worker.prepare_in_steps(
            lambda model, _: encode_texts(model, texts, wording, Cutting(), name), job
        )
    except ContextLengthExceeded as error:
        raise RequestError(f"{error.param} is too long. {error.message}") from None
    units = await asyncio.to_thread(unit_vectors, await embed(worker, encoded, job))
    return Vectors(units, tuple(text.size for text in encoded))


async def _rerank(wish: CompareWish, context: AppContext) -> tuple[float, ...]:
    pool = context.media.rerank
    async with pool.lease(await find_model(pool, wish.reranker)) as worker:
        scorer = PairScorer(worker)
        job = Job(stop_id=f"rerank-{uuid.uuid4().hex}")
        scores = await scorer.score([Question(wish.query, list(wish.lines))], job)
        context.models.ledger.note(scorer.name, Usage(scores.tokens, 0))
    return scores.values
