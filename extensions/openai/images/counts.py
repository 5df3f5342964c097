"""How many pictures, in which batches, and from which seed."""

import secrets
from dataclasses import dataclass

from extensions.openai.images.typing import DrawingFields
from modules.core.errors import RequestError
from modules.core.images import MAX_SEED

RANDOM = -1


@dataclass(frozen=True, slots=True)
class Batches:
    size: int
    count: int


def to_batches(body: DrawingFields, max_images: int) -> Batches:
    """`n` is the number of all images; without it that is batch_size * batch_count. RequestError where they contradict."""
    size = body.batch_size or 1
    if body.n is None:
        batches = Batches(size, body.batch_count or 1)
    elif body.n % size or (body.batch_count and body.batch_count * size != body.n):
        raise RequestError("'n' must be batch_size * batch_count.", param="n")
    else:
        batches = Batches(size, body.n // size)
    total = batches.size * batches.count
    if total > max_images:
        raise RequestError(
            f"A request may ask for {max_images} images; this one asks for {total}.",
            param="batch_count" if body.n is None else "n",
        )
    return batches


def to_seed(body: DrawingFields) -> int:
    seed = body.seed if body.image_seed is None else body.image_seed
    return secrets.randbelow(MAX_SEED + 1) if seed is None or seed == RANDOM else seed
