"""Batches of training rows of like length, so that there is next to no padding."""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

from tools.tiny_models.chat.conversations.conversation import Sample
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.rendering import render_for_training
from tools.tiny_models.chat.conversations.sampling import sample
from tools.tiny_models.chat.curriculum import copying_share, is_late
from tools.tiny_models.chat.tokenizer import letter_pieces

POOL_SIZE = 1024
MAX_ROW_TOKENS = 600


class Row(NamedTuple):
    """The tokens of one sample, and for each whether the model learns to write it."""

    ids: list[int]
    is_target: list[bool]


def batches(
    tokenizer: Tokenizer, rng: random.Random, tokens: int, progress: Callable[[], float]
) -> Iterator[list[Row]]:
    """Endless batches of about `tokens` tokens, padding included.

    `progress` says how much of the training is done; the mixture of samples depends on it.
    """
    draw = Draw(rng, letter_pieces(tokenizer))
    while True:
        done = progress()
        copying, late = copying_share(done), is_late(done)
        pool = [to_row(tokenizer, sample(draw, copying, late), rng) for _ in range(POOL_SIZE)]
        cut = _cut_into_batches(pool, tokens)
        rng.shuffle(cut)
        yield from cut


def to_row(tokenizer: Tokenizer, drawn: Sample, rng: random.Random) -> Row:
    row = Row([], [])
    for segment in render_for_training(drawn, rng):
        ids = tokenizer.encode(segment.text, add_special_tokens=False).ids
        row.ids.extend(ids)
        row.is_target.extend([segment.is_target] * len(ids))
    return row


def _cut_into_batches(pool: list[Row], tokens: int) -> list[list[Row]]:
    """Rows sorted by length and cut where a batch, padded to its last row, would be too big.

    Rows that are too long are left out, and so is the last batch, which holds the longest of the
    others: the bundled model was trained like this.
    """
    finished: list[list[Row]] = []
    batch: list[Row] = []
    for row in sorted(pool, key=lambda row: len(row.ids)):
        if len(row.ids) > MAX_ROW_TOKENS:
            continue
        if batch and (len(batch) + 1) * len(row.ids) > tokens:
            finished.append(batch)
            batch = []
        batch.append(row)
    return finished


def to_tensors(batch: list[Row], pad: int) -> tuple[Tensor, Tensor]:
    """Token ids and target flags, both (rows, longest row)."""
    length = max(len(row.ids) for row in batch)
    ids = torch.full((len(batch), length), pad)
    is_target = torch.zeros(len(batch), length, dtype=torch.bool)
    for i, row in enumerate(batch):
        ids[i, : len(row.ids)] = torch.tensor(row.ids)
        is_target[i, : len(row.ids)] = torch.tensor(row.is_target)
    is_target[:, 0] = False  # nothing stands before the first token
    return ids, is_target
