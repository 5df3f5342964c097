# pyright: basic
"""The tokenizer of a transformers model, for many threads."""

import copy
import threading
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from modules.core.vectors import EncodedPair, Frame, most_characters

TEXTS_AT_A_TIME = 64
"""Short turns at the lock: a request with thousands of texts should not keep the others waiting."""


class Vocabulary:
    """A copy of its own: the library's tokenizer changes its state while it works, and belongs to the model's thread."""

    def __init__(self, tokenizer: Any) -> None:
        if isinstance(tokenizer, Tokenizer):  # bare, as static vectors have it
            tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
        self._tokenizer = copy.deepcopy(tokenizer)
        self._lock = threading.Lock()
        self.size = len(tokenizer)
        self.pad_id: int = tokenizer.pad_token_id or 0
        self.pads_left = tokenizer.padding_side == "left"
        self.has_segments = "token_type_ids" in tokenizer.model_input_names
        self._has_offsets: bool = tokenizer.is_fast
        self.pair_specials: int = tokenizer.num_special_tokens_to_add(pair=True)
        bare = self._ids(["a"], add_special_tokens=False)[0]
        self.frame = Frame.found_in(self._ids(["a"])[0], bare)

    def encode(self, texts: Sequence[str]) -> "list[array[int]]":
        return [array("i", ids) for some in _turns(texts) for ids in self._ids(list(some))]

    def decode(self, ids: Sequence[int]) -> str:
        with self._lock:
            return self._tokenizer.decode(list(ids), skip_special_tokens=True)

    def count(self, text: str) -> int:
        """Without special tokens."""
        return len(self._ids([text], add_special_tokens=False)[0])

    def encode_pairs(
        self, query: str, documents: Sequence[str], max_document: int, max_tokens: int
    ) -> list[EncodedPair]:
        """The documents' ends go where they have more than `max_document` tokens."""
        return [
            pair
            for some in _turns(documents)
            for pair in self._encode_pairs(query, some, max_document, max_tokens)
        ]

    def _encode_pairs(
        self, query: str, documents: Sequence[str], max_document: int, max_tokens: int
    ) -> list[EncodedPair]:
        shortened = [self._shorten(text, max_document) for text in documents]
        found = self._call(
            [query] * len(shortened),
            [text for text, _ in shortened],
            truncation="only_second",
            max_length=max_tokens,
            return_token_type_ids=True,
        )
        return [
            EncodedPair(array("i", ids), array("i", segments), (query, text), cut)
            for ids, segments, (text, cut) in zip(
                found["input_ids"], found["token_type_ids"], shortened, strict=True
            )
        ]

    def _shorten(self, text: str, max_tokens: int) -> tuple[str, int]:
        """With how many tokens went."""
        kept = text[: most_characters(max_tokens)]
        wants = {"return_offsets_mapping": True} if self._has_offsets else {}
        found = self._call([kept], add_special_tokens=False, **wants)
        ids = found["input_ids"][0]
        if len(ids) <= max_tokens:
            return kept, 0
        if not self._has_offsets:
            return self.decode(ids[:max_tokens]), len(ids) - max_tokens
        return kept[: found["offset_mapping"][0][max_tokens - 1][1]], len(ids) - max_tokens

    def _ids(self, texts: list[str], **options: Any) -> list[list[int]]:
        return self._call(texts, **options)["input_ids"]

    def _call(self, *texts: Any, **options: Any) -> Any:
        options = {"padding": False, "truncation": False, "verbose": False} | options
        with self._lock:
            return self._tokenizer(*texts, **options)


def _turns(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), TEXTS_AT_A_TIME):
        yield texts[start : start + TEXTS_AT_A_TIME]
