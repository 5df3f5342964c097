"""Which pairs of numbers belong to the counting rows of the test set."""

import hashlib


def is_held_out_pair(low: int, high: int) -> bool:
    """One pair in eight, by a hash: generator and test set agree without a list."""
    return hashlib.md5(f"count|{low}|{high}".encode()).digest()[0] % 8 == 0
