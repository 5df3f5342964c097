"""Masks over the vocabulary: what a grammar forbids, whatever part of it that is."""

import numpy as np
import pytest

from modules.loaders.llamacpp.sampling import forbid

SIZES = (1, 31, 32, 33, 1536, 20_000, 20_001)


def make_mask(size: int, share: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """int32 words, and which tokens they allow."""
    allowed = np.random.default_rng(seed).random(size) < share
    padded = np.zeros(-(-size // 32) * 32, dtype=np.uint8)
    padded[:size] = allowed
    return np.packbits(padded, bitorder="little").view(np.int32), allowed


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0, 0.0001, 0.01, 0.5, 0.99, 0.9999, 1])
def test_exactly_what_the_mask_lacks_is_forbidden(size: int, share: float) -> None:
    mask, allowed = make_mask(size, share)
    logits = np.arange(size, dtype=np.float32)
    expected = np.where(allowed, logits, -np.inf).astype(np.float32)
    assert forbid(logits, mask) or allowed.all()
    assert np.array_equal(logits, expected)


@pytest.mark.parametrize("rest", [3, -1])
def test_bits_past_the_vocabulary_mean_nothing(rest: int) -> None:
    size = 64 * 32 + 2
    mask = np.array([*[-1] * 64, rest], dtype=np.int32)
    logits = np.zeros(size, dtype=np.float32)
    assert not forbid(logits, mask)
    assert not logits.any()
