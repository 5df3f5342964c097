"""Bytes of tokens to valid UTF-8 text, as they come: constant work per token."""

import codecs


class Detokenizer:
    """A token may end inside a character; its bytes wait for the rest. Invalid bytes become U+FFFD."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, piece: bytes) -> str:
        return self._decoder.decode(piece)

    def finish(self) -> str:
        return self._decoder.decode(b"", final=True)
