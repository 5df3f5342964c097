"""Texts to vectors, on a leased worker: what the endpoints for embeddings, reranking and moderation share."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from modules.core.errors import ContextLengthExceeded, RequestError
from modules.core.jobs import Job
from modules.core.vectors import EmbedderTraits, EncodedText, most_characters, refuse_huge
from modules.engine.media.step_thread import Steps
from modules.engine.media.worker import Worker
from modules.loaders.media_base import Embedder

TEXTS_AT_A_TIME = 64
CHARACTERS_AT_A_TIME = 65_536
"""Less than a tenth of a second of tokenizing: then others have their turn."""

Naming = Callable[[int], str]
"""What the request calls the text at this place, for errors."""


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
    model: Embedder, texts: Sequence[str], wording: Wording, cutting: Cutting, name: Naming
) -> Steps[list[EncodedText]]:
    """RequestError names the text that is too long."""
    whole = yield from encode_whole(model, texts, wording, cutting, name)
    return fit(model, whole, cutting, name)


def encode_whole(
    model: Embedder, texts: Sequence[str], wording: Wording, cutting: Cutting, name: Naming
) -> Steps[list[EncodedText]]:
    """Not cut yet, but for what is far too long."""
    encoded: list[EncodedText] = []
    most = most_characters(model.traits.max_tokens)
    for part in parts_of(texts):
        yield
        some = texts[part]
        if cutting.is_on:
            some = [text[-most:] if cutting.keeps_end else text[:most] for text in some]
        for place, text in enumerate(some, part.start):
            refuse_huge(text, model.traits.max_tokens, name(place))
        encoded += model.encode(some, wording.prompt, wording.task)
    return encoded


def parts_of(texts: Sequence[str], beside: int = 0) -> Iterator[slice]:
    """As many texts as are encoded in one step. `beside`: characters that are read with each of them."""
    start = characters = 0
    for place, text in enumerate(texts):
        size = len(text) + beside
        is_full = place - start >= TEXTS_AT_A_TIME or characters + size > CHARACTERS_AT_A_TIME
        if is_full and place > start:
            yield slice(start, place)
            start, characters = place, 0
        characters += size
    if start < len(texts):
        yield slice(start, len(texts))


def encode_ids(
    model: Embedder, inputs: Sequence[Sequence[int]], cutting: Cutting, name: Naming
) -> Steps[list[EncodedText]]:
    """The same for texts that come as token ids."""
    size = model.traits.vocabulary_size
    encoded: list[EncodedText] = []
    for place, ids in enumerate(inputs):
        if place % TEXTS_AT_A_TIME == 0:
            yield
        wrong = next((id_ for id_ in ids if not 0 <= id_ < size), None)
        if wrong is not None:
            where = name(place)
            raise RequestError(
                f"Invalid value for '{where}': there is no token {wrong}; the model's vocabulary has {size}.",
                param=where,
            )
        encoded.append(model.encode_ids(ids))
    return fit(model, encoded, cutting, name)


def fit(
    model: Embedder, texts: Sequence[EncodedText], cutting: Cutting, name: Naming
) -> list[EncodedText]:
    longest = model.traits.max_tokens
    if cutting.is_on:
        limit = min(longest, cutting.limit or longest)
        return [model.cut(text, limit, keeps_end=cutting.keeps_end) for text in texts]
    for place, text in enumerate(texts):
        if text.size > longest:
            raise ContextLengthExceeded(text.size, longest, param=name(place))
    return list(texts)


def names_of(param: str, count: int) -> Naming:
    """`param` for a single text, `param[3]` of several."""
    return lambda place: param if count == 1 else f"{param}[{place}]"


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
    names = names_of("input", len(texts))
    encoded = await worker.prepare_in_steps(
        lambda model, _: encode_texts(model, texts, wording, Cutting(is_on=True), names), job
    )
    vectors = await embed(worker, encoded, job)
    tokens = sum(text.size for text in encoded)
    return await asyncio.to_thread(unit_vectors, vectors), tokens
