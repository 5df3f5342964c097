"""Arithmetic with the vectors of some lines."""

# pyright: basic
from collections.abc import Sequence
from typing import Any

import numpy as np


def similarities(units: Any) -> list[list[float]]:
    """Cosines of vectors of length 1, each with each."""
    return np.clip(units @ units.T, -1.0, 1.0).tolist()


def cosines(units: Any, query: Any) -> list[float]:
    return np.clip(units @ query, -1.0, 1.0).tolist()


def flat(units: Any) -> list[tuple[float, float]]:
    """Where each lies in the plane of the two directions in which they differ most (PCA), from 0 to 1; the middle where they do not."""
    centred = units - units.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((len(units), 2))
    found = centred @ directions[:2].T
    plane[:, : found.shape[1]] = found
    low, high = plane.min(axis=0), plane.max(axis=0)
    span = high - low
    # What is smaller than the noise of 32-bit numbers is no difference.
    spread = np.where(span > 1e-6, (plane - low) / np.where(span > 1e-6, span, 1), 0.5)
    return [(float(x), float(y)) for x, y in spread]


def order_of(values: Sequence[float]) -> list[int]:
    """Places, the largest value first; equal ones in their order."""
    return sorted(range(len(values)), key=lambda place: -values[place])
