"""Texts as embedding models and rerankers read them: token ids, and what a model asks of its batches."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from modules.core.errors import RequestError

CHARACTERS_PER_TOKEN = 64
SHORT_TEXT = 65_536
"""A text of more characters than this and 64 for each token is not tokenized at all: it cannot fit, and would take seconds."""


def most_characters(max_tokens: int) -> int:
    """What a text may have at most for a model of so many tokens."""
    return SHORT_TEXT + CHARACTERS_PER_TOKEN * max_tokens


def refuse_huge(text: str, max_tokens: int, param: str) -> None:
    """RequestError for what is too long to be even counted."""
    most = most_characters(max_tokens)
    if len(text) > most:
        raise RequestError(
            f"This model's maximum context length is {max_tokens} tokens, but '{param}' has {len(text)} characters; "
            f"more than {most} are not even counted. Shorten the text.",
            param=param,
            code="context_length_exceeded",
        )


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one round of computing may take: texts, and tokens of all of them together."""

    items: int = 32
    tokens: int = 2048


@dataclass(frozen=True, slots=True)
class EncodedText:
    """`ids` as the model sees them, special tokens too, as 32-bit integers; `text` is what they stand for.

    `prompt_tokens`: how many at the front belong to the model's prompt for this task, and to special tokens before it.
    """

    ids: "array[int]"
    text: str = ""
    prompt_tokens: int = 0
    task: str | None = None

    @property
    def size(self) -> int:
        """Tokens."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """Two texts in one row of ids; `segments` says for each id which of them it belongs to (0 or 1).

    `cut_tokens`: how many were left out of the second text to make it fit.
    """

    ids: "array[int]"
    segments: "array[int]"
    texts: tuple[str, str]
    cut_tokens: int = 0

    @property
    def size(self) -> int:
        """Tokens."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class EmbedderTraits:
    """`max_tokens` of one text with its special tokens. `prompts`: texts that stand before others, by task.

    `has_tasks`: the model itself is another for queries than for documents.
    """

    dimensions: int
    max_tokens: int
    vocabulary_size: int
    limits: BatchLimits
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    default_prompt: str | None = None
    has_tasks: bool = False


@dataclass(frozen=True, slots=True)
class RerankerTraits:
    """`max_tokens` of a query and a document together, with their special tokens."""

    max_tokens: int
    limits: BatchLimits


@dataclass(frozen=True, slots=True)
class Frame:
    """The special tokens that a vocabulary puts around a text."""

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    @classmethod
    def found_in(cls, framed: Sequence[int], bare: Sequence[int]) -> "Frame":
        """From one text encoded with and without them; none where they cannot be told."""
        width = len(bare)
        for start in range(len(framed) - width + 1):
            if width and list(framed[start : start + width]) == list(bare):
                return cls(tuple(framed[:start]), tuple(framed[start + width :]))
        return cls()

    @property
    def size(self) -> int:
        return len(self.before) + len(self.after)

    def put_around(self, ids: Sequence[int]) -> "array[int]":
        """Nothing is added to ids that stand in this frame already."""
        whole = tuple(ids)
        if self.size and len(whole) >= self.size and self._surrounds(whole):
            return array("i", whole)
        return array("i", (*self.before, *whole, *self.after))

    def cut(self, text: EncodedText, limit: int, *, keeps_end: bool) -> EncodedText:
        """At most `limit` tokens, the frame among them: the beginning or the end of what is inside."""
        if text.size <= limit:
            return text
        inside = text.ids[len(self.before) : text.size - len(self.after)]
        room = max(0, limit - self.size)
        kept = inside[len(inside) - room :] if keeps_end else inside[:room]
        ids = array("i", (*self.before, *kept, *self.after))
        return replace(text, ids=ids, prompt_tokens=min(text.prompt_tokens, len(ids)))

    def _surrounds(self, ids: tuple[int, ...]) -> bool:
        ends_so = ids[len(ids) - len(self.after) :] == self.after
        return ids[: len(self.before)] == self.before and ends_so
