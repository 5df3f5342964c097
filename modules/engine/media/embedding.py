"""Texts to vectors, on a leased worker: what the endpoints for embeddings, reranking and moderation share."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modules.core.errors import ContextLengthExceeded, RequestError
from modules.core.jobs import Job
from modules.core.vectors import EmbedderTraits, EncodedText, most_characters, refuse_huge
from modules.engine.media.worker import Worker
from modules.loaders.base import Embedder

TEXTS_AT_A_TIME = 64


@dataclass(frozen=True, slots=True)
class Wording:
    """What stands before each text, and what the texts are for."""

    prompt: str | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Cutting:
    """What happens to texts that are too long: an error, unless `is_on`. `limit`: tokens, the model's own where not set."""

    is_on: bool = False
    limit: int | None = None
    keeps_end: bool = False


QUERY = ("query",)
DOCUMENT = ("document", "passage", "corpus")


def wording_for(traits: EmbedderTraits, names: Sequence[str], task: str | None = None) -> Wording:
    """By the first of these names for which the model has a prompt; else its default."""
    known = [name for name in names if name in traits.prompts]
    name = known[0] if known else traits.default_prompt
    return Wording(traits.prompts.get(name) if name else None, task if traits.has_tasks else None)


def encode_texts(
    model: Embedder, texts: Sequence[str], wording: Wording, cutting: Cutting, job: Job, param: str
) -> list[EncodedText]:
    """Blocking, from any thread. RequestError names the text that is too long: `param`, or `param[3]` of several."""
    return fit(model, encode_whole(model, texts, wording, cutting, job, param), cutting, param)


def encode_whole(
    model: Embedder, texts: Sequence[str], wording: Wording, cutting: Cutting, job: Job, param: str
) -> list[EncodedText]:
    """Not cut yet, but for what is far too long."""
    encoded: list[EncodedText] = []
    most = most_characters(model.traits.max_tokens)
    for start in range(0, len(texts), TEXTS_AT_A_TIME):
        job.check()
        some = texts[start : start + TEXTS_AT_A_TIME]
        if cutting.is_on:
            some = [text[-most:] if cutting.keeps_end else text[:most] for text in some]
        for place, text in enumerate(some, start):
            refuse_huge(text, model.traits.max_tokens, _place(param, place, len(texts)))
        encoded += model.encode(some, wording.prompt, wording.task)
    return encoded


def encode_ids(
    model: Embedder, inputs: Sequence[Sequence[int]], cutting: Cutting, param: str
) -> list[EncodedText]:
    """The same for texts that come as token ids."""
    size = model.traits.vocabulary_size
    for place, ids in enumerate(inputs):
        wrong = next((id_ for id_ in ids if not 0 <= id_ < size), None)
        if wrong is not None:
            where = _place(param, place, len(inputs))
            raise RequestError(
                f"Invalid value for '{where}': there is no token {wrong}; the model's vocabulary has {size}.",
                param=where,
            )
    return fit(model, [model.encode_ids(ids) for ids in inputs], cutting, param)


def fit(
    model: Embedder, texts: Sequence[EncodedText], cutting: Cutting, param: str
) -> list[EncodedText]:
    longest = model.traits.max_tokens
    if cutting.is_on:
        limit = min(longest, cutting.limit or longest)
        return [model.cut(text, limit, keeps_end=cutting.keeps_end) for text in texts]
    for place, text in enumerate(texts):
        if text.size > longest:
            where = _place(param, place, len(texts))
            raise ContextLengthExceeded(text.size, longest, param=where)
    return list(texts)


def _place(param: str, place: int, count: int) -> str:
    return param if count == 1 else f"{param}[{place}]"


async def embed(worker: Worker[Embedder], texts: Sequence[EncodedText], job: Job) -> list[Any]:
    """A numpy vector for each text, as the model makes it; counted in the statistics."""
    vectors = await worker.run_together(compute_vectors, texts, worker.model.traits.limits, job)
    worker.statistics.units += sum(text.size for text in texts)
    return vectors


def compute_vectors(model: Embedder, batch: Sequence[EncodedText]) -> Sequence[Any]:
    return list(model.embed(batch))


def unit_vectors(vectors: Sequence[Any], dimensions: int | None = None) -> Any:
    """One float32 array of vectors of length 1, of their first `dimensions` where these are given. A null vector stays one."""
    import numpy as np

    stacked = np.stack(vectors)[:, :dimensions].astype(np.float32)
    lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
    return stacked / np.where(lengths == 0, 1, lengths)


async def embed_texts(
    worker: Worker[Embedder], texts: Sequence[str], wording: Wording, job: Job
) -> tuple[Any, int]:
    """Unit vectors of texts, cut where they are too long, and how many tokens they have together."""
    encoded = await asyncio.to_thread(
        encode_texts, worker.model, texts, wording, Cutting(is_on=True), job, "input"
    )
    vectors = await embed(worker, encoded, job)
    tokens = sum(text.size for text in encoded)
    return await asyncio.to_thread(unit_vectors, vectors), tokens
