# pyright: basic
"""How much of a prompt the text encoders of a pipeline read: what is past their length is cut off by the library."""

import inspect
from typing import Any

from tokenizers import Tokenizer

from modules.core.images import PromptLength

TOKENIZERS = ("tokenizer", "tokenizer_2", "tokenizer_3")
UNBOUNDED = 10**6
"""Tokenizers without a length of their own say a huge number."""


class PromptMeasure:
    """From any thread: it has copies of the tokenizers, since the pipeline's change their state while they cut and pad."""

    def __init__(self, pipeline: Any) -> None:
        found = [getattr(pipeline, name, None) for name in TOKENIZERS]
        call = inspect.signature(pipeline.__call__).parameters
        longest = call["max_sequence_length"].default if "max_sequence_length" in call else None
        self._readers = [
            _Reader(each, longest) for each in found if hasattr(each, "backend_tokenizer")
        ]

    def measure(self, prompt: str) -> PromptLength:
        """By the encoder that reads the most. Control tokens around the prompt are not counted."""
        if not self._readers:
            return PromptLength()
        lengths = [reader.measure(prompt) for reader in self._readers]
        return min(lengths, key=lambda length: length.unread)


class _Reader:
    def __init__(self, tokenizer: Any, longest: int | None) -> None:
        copy = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        copy.no_truncation()
        copy.no_padding()
        self._tokenizer = copy
        self._limit = self._limit_of(tokenizer, longest)

    @staticmethod
    def _limit_of(tokenizer: Any, longest: int | None) -> int | None:
        own = tokenizer.model_max_length
        is_clip = type(tokenizer).__name__.startswith("CLIP")
        known = [each for each in (own, None if is_clip else longest) if each and each < UNBOUNDED]
        return min(known) - tokenizer.num_special_tokens_to_add() if known else None

    def measure(self, prompt: str) -> PromptLength:
        return PromptLength(
            len(self._tokenizer.encode(prompt, add_special_tokens=False).ids), self._limit
        )
