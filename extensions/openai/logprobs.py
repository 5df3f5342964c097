"""Log-probabilities on the wire: the chat shape and the older one of completions."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from extensions.openai.response_types import (
    ChatLogprobs,
    ChatTokenLogprob,
    CompletionLogprobs,
    TopLogprob,
)
from modules.core.events import TokenChoice, TokenLogprob
from modules.text.detokenize import Detokenizer

LOWEST = -9999.0
"""OpenAI's stand-in for minus infinity, which JSON does not have."""


def to_chat_logprobs(tokens: Iterable[TokenLogprob]) -> ChatLogprobs:
    return ChatLogprobs(
        content=[
            ChatTokenLogprob(
                token=token.chosen.text,
                logprob=finite(token.chosen.logprob),
                bytes=list(token.chosen.piece),
                top_logprobs=[_to_top(choice) for choice in token.alternatives],
            )
            for token in tokens
        ]
    )


def _to_top(choice: TokenChoice) -> TopLogprob:
    return TopLogprob(token=choice.text, logprob=finite(choice.logprob), bytes=list(choice.piece))


class TextOffsets:
    """Where in the text each token begins; one that ends inside a character leaves it to the next."""

    def __init__(self) -> None:
        self._detokenizer = Detokenizer()
        self._chars = 0

    def place(self, piece: bytes) -> int:
        begins = self._chars
        self._chars += len(self._detokenizer.feed(piece))
        return begins

    def skip(self, text: str) -> None:
        self._chars += len(text)


def as_given(tokens: Sequence[TokenLogprob], text: str) -> list[TokenLogprob]:
    """The tokens of a prompt with their parts of its text, in which control tokens stand, and what the tokenizer adds does not."""
    data, at = text.encode(), 0
    placed: list[TokenLogprob] = []
    for index, token in enumerate(tokens):
        shown = _part_of(data, at, token, is_first=index == 0)
        if index == len(tokens) - 1:
            shown = data[at:]  # whatever did not fit before: the reply begins behind the text
        placed.append(replace(token, shown=shown))
        at += len(shown)
    return placed


def _part_of(data: bytes, at: int, token: TokenLogprob, *, is_first: bool) -> bytes:
    """Some tokenizers put a space before a text, and most a token that begins it."""
    piece = token.chosen.piece
    for part in (piece, piece.removeprefix(b" ")):
        if data.startswith(part, at):
            return part
    return b"" if is_first else token.shown[: len(data) - at]


def to_completion_logprobs(
    tokens: Iterable[TokenLogprob], offsets: TextOffsets, *, as_ids: bool = False
) -> CompletionLogprobs:
    """`offsets` goes on from the tokens before. `as_ids`: tokens are named `token_id:17`, as with vLLM."""
    name = _id_of if as_ids else _text_of
    shaped = CompletionLogprobs(tokens=[], token_logprobs=[], top_logprobs=[], text_offset=[])
    for token in tokens:
        has_past = not math.isnan(token.chosen.logprob)
        shaped.tokens.append(name(token.chosen))
        shaped.token_logprobs.append(finite(token.chosen.logprob) if has_past else None)
        shaped.top_logprobs.append(_top(token, name) if has_past else None)
        shaped.text_offset.append(offsets.place(token.shown))
    return shaped


def _text_of(choice: TokenChoice) -> str:
    return choice.text


def _id_of(choice: TokenChoice) -> str:
    return f"token_id:{choice.token_id}"


def _top(token: TokenLogprob, name: Callable[[TokenChoice], str]) -> dict[str, float]:
    """The alternatives and, as with OpenAI, the chosen token where it is not among them."""
    top: dict[str, float] = {}
    for choice in (*token.alternatives, token.chosen):
        top.setdefault(name(choice), finite(choice.logprob))
    return top


def finite(logprob: float) -> float:
    return max(logprob, LOWEST)
