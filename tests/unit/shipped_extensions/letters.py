"""A model of embeddings that can be counted."""

from collections.abc import Sequence

import numpy as np

from modules.core.errors import ModelError


class Letters:
    """A vector says how often each letter occurs."""

    def __init__(self, name: str = "letters") -> None:
        self.name = name
        self.read: list[str] = []
        self.fails = False

    def documents(self, texts: Sequence[str]):
        if self.fails:
            raise ModelError("The model is not well.")
        self.read += texts
        return np.stack([self._vector(text) for text in texts])

    def query(self, text: str):
        return self._vector(text)

    def _vector(self, text: str):
        counts = np.array([text.lower().count(chr(97 + i)) for i in range(26)], dtype=np.float32)
        return counts / (np.linalg.norm(counts) or 1)
