"""Where the pictures of a prompt are, and which positions its tokens have. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from modules.core.requests import Media
from modules.loaders.pictures import EncodedImage, Piece


@dataclass(frozen=True, slots=True)
class PlacedPiece:
    """A piece that begins at index `start` of the prompt, at `position` for the model."""

    piece: Piece
    start: int
    position: int

    @property
    def end(self) -> int:
        return self.start + self.piece.length

    @property
    def is_picture(self) -> bool:
        return self.piece.rows is not None

    def rows_from(self, first: int, most: int) -> int:
        """How many rows come next: all that are left where they see each other, else at most so many."""
        left = self.piece.length - first
        return min(left, most) if self.piece.is_causal else left


class PromptPlaces:
    """Index in the prompt (each row of a picture counts) -> what is there. Positions run slower through pictures with M-RoPE."""

    def __init__(self, media: Sequence[Media], images: Sequence[EncodedImage]) -> None:
        self._spans = [(each.start, each.start + each.length) for each in media]
        self._pieces: list[PlacedPiece] = []
        for (start, _), image in zip(self._spans, images, strict=True):
            for piece in image.pieces:
                self._pieces.append(PlacedPiece(piece, start, self.position(start)))
                start += piece.length
        self._starts = [placed.start for placed in self._pieces]

    def position(self, index: int) -> int:
        """Of what stands at `index`, outside of pictures or at their edges."""
        last = self._before(index)
        if last is None:
            return index
        return last.position + last.piece.positions + index - last.end

    def at(self, index: int) -> PlacedPiece | None:
        """The piece that `index` is in; None for plain text."""
        last = self._last_begun(index)
        return last if last is not None and index < last.end else None

    def is_picture(self, index: int) -> bool:
        placed = self.at(index)
        return placed is not None and placed.is_picture

    def until_other(self, index: int, end: int) -> int:
        """Up to where the tokens from `index` on are of one kind, at most `end`."""
        placed = self.at(index)
        if placed is not None:
            return min(placed.end, end)
        following = bisect_right(self._starts, index)
        return min([end, *self._starts[following : following + 1]])

    def token_ids(self, tokens: list[int], start: int, end: int) -> list[int]:
        """Real ids from `start` to `end`, all of one kind: also of text inside of a picture."""
        placed = self.at(start)
        if placed is None:
            return tokens[start:end]
        return list(placed.piece.ids[start - placed.start : end - placed.start])

    def cut(self, index: int) -> int:
        """The last index up to `index` where the prompt can be cut: never inside of a picture."""
        for start, end in self._spans:
            if start < index < end:
                return start
        return index

    def _last_begun(self, index: int) -> PlacedPiece | None:
        number = bisect_right(self._starts, index)
        return self._pieces[number - 1] if number else None

    def _before(self, index: int) -> PlacedPiece | None:
        """The last piece that has ended at `index`."""
        return next((placed for placed in reversed(self._pieces) if placed.end <= index), None)
