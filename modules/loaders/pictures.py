# pyright: basic, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false
"""Pictures as the language model reads them, and how long they are kept."""

import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from modules.core.messages import Image

KEPT_BYTES = 256 * 2**20
"""Of embeddings that no request holds any more, for the next one with the same picture."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a picture: either token `ids`, or `rows` of embeddings (float32 [length, width]).

    `positions`: how far the text behind it moves on. `origin` and `slope`, int32 [4, length], are there where each row has four
    positions (M-RoPE): origin + slope * the position where the piece begins.
    """

    length: int
    positions: int
    ids: tuple[int, ...] = ()
    rows: np.ndarray | None = None
    is_causal: bool = True
    origin: np.ndarray | None = None
    slope: np.ndarray | None = None

    def row_positions(self, begin: int, first: int, count: int) -> np.ndarray:
        """int32 positions of `count` rows from `first` on, of a piece that begins at `begin`; four sections with M-RoPE."""
        if self.origin is None or self.slope is None:
            return np.arange(begin + first, begin + first + count, dtype=np.int32)
        rows = slice(first, first + count)
        return np.ascontiguousarray(self.origin[:, rows] + self.slope[:, rows] * begin)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class EncodedImage:
    """All of a picture, in the order in which it is read."""

    pieces: tuple[Piece, ...]

    @property
    def length(self) -> int:
        return sum(piece.length for piece in self.pieces)

    @property
    def size_bytes(self) -> int:
        return sum(piece.rows.nbytes for piece in self.pieces if piece.rows is not None)


class ImageStore:
    """Encoded pictures, by their digest. Threads may share it.

    The newest are kept up to a limit, and each for as long as the Image object lives that it was asked for with: so what a
    waiting request needs is never lost.
    """

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, EncodedImage] = OrderedDict()
        self._size = 0
        self._alive: weakref.WeakValueDictionary[int, EncodedImage] = weakref.WeakValueDictionary()
        self._pins: dict[int, tuple[weakref.ref[Image], EncodedImage]] = {}

    def find(self, image: Image) -> EncodedImage | None:
        pinned = self._pins.get(id(image))
        if pinned is not None:
            return pinned[1]
        with self._lock:
            encoded = self._alive.get(image.digest)
        if encoded is not None:
            self.keep(image, encoded)
        return encoded

    def keep(self, image: Image, encoded: EncodedImage) -> None:
        self._pin(image, encoded)
        with self._lock:
            self._alive[image.digest] = encoded
            if image.digest not in self._kept:
                self._size += encoded.size_bytes
            self._kept[image.digest] = encoded
            self._kept.move_to_end(image.digest)
            while self._size > self._limit and self._kept:
                self._size -= self._kept.popitem(last=False)[1].size_bytes

    def _pin(self, image: Image, encoded: EncodedImage) -> None:
        key, pins = id(image), self._pins

        def unpin(_image: object) -> None:  # may run at any moment in any thread: no locks here
            pins.pop(key, None)

        pins[key] = (weakref.ref(image, unpin), encoded)
