# pyright: basic
"""Texts of different lengths as rows of one tensor, with as little padding as makes sense."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from modules.core.vectors import BatchLimits
from modules.loaders.encoders.vocabulary import Vocabulary

MOST_PADDING = 2
FEW = 8
"""Rows may be padded to twice their length; a handful of rows is not worth a forward of its own."""


def cut_by_length(sizes: Sequence[int], limits: BatchLimits) -> list[list[int]]:
    """Places of texts that are computed together, longest first; one that is too long for the limits stands alone."""
    order = sorted(range(len(sizes)), key=lambda place: -sizes[place])
    groups: list[list[int]] = []
    for place in order:
        if not groups or not _fits(groups[-1], place, sizes, limits):
            groups.append([])
        groups[-1].append(place)
    return groups


def _fits(group: list[int], place: int, sizes: Sequence[int], limits: BatchLimits) -> bool:
    longest = sizes[group[0]]
    is_padded_much = longest > MOST_PADDING * sizes[place] and len(group) >= FEW
    padded = longest * (len(group) + 1)
    return not is_padded_much and len(group) < limits.items and padded <= 2 * limits.tokens


def to_rows(
    texts: Sequence[Sequence[int]],
    vocabulary: Vocabulary,
    segments: Sequence[Sequence[int]] | None = None,
) -> dict[str, Any]:
    """`input_ids`, `attention_mask` and, where the model has them, `token_type_ids`; padded as the tokenizer would."""
    longest = max(map(len, texts))
    shape = (len(texts), longest)
    ids = np.full(shape, vocabulary.pad_id, dtype=np.int64)
    mask = np.zeros(shape, dtype=np.int64)
    kinds = np.zeros(shape, dtype=np.int64)
    for row, text in enumerate(texts):
        here = slice(longest - len(text), None) if vocabulary.pads_left else slice(0, len(text))
        ids[row, here] = text
        mask[row, here] = 1
        if segments is not None:
            kinds[row, here] = segments[row]
    rows = {"input_ids": ids, "attention_mask": mask}
    if vocabulary.has_segments:
        rows["token_type_ids"] = kinds
    return {name: torch.from_numpy(values) for name, values in rows.items()}
