"""Log-probabilities from the wire: the chat shape, and the older one of completions."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modules.core.events import TokenChoice, TokenLogprob
from modules.loaders.base import Tokenizer
from modules.loaders.upstream.faults import garbled
from modules.loaders.upstream.json_values import to_fields, to_items

UNKNOWN_ID = -1
ID_MARK = "token_id:"


def read_chat_logprobs(logprobs: Any) -> tuple[TokenLogprob, ...]:
    """Empty when there are none."""
    entries = to_items(to_fields(logprobs).get("content"))
    return tuple(_to_logprob(entry) for entry in entries)


def _to_logprob(entry: Any) -> TokenLogprob:
    chosen = _to_choice(entry)
    top = to_items(to_fields(entry).get("top_logprobs"))
    return TokenLogprob(chosen, tuple(_to_choice(each) for each in top), shown=chosen.piece)


def _to_choice(entry: Any) -> TokenChoice:
    try:
        token, logprob, told = entry["token"], entry["logprob"], entry.get("bytes")
        piece = bytes(to_items(told)) if told is not None else token.encode(errors="replace")
        token_id = entry.get("id")
        known = token_id if isinstance(token_id, int) else UNKNOWN_ID
        return TokenChoice(known, piece, float(logprob))
    except (TypeError, KeyError, ValueError, AttributeError):
        raise garbled("its logprobs are not of OpenAI's form") from None


@dataclass(frozen=True, slots=True)
class Names:
    """How tokens are named in the older shape. `show`: the part of a token's bytes that stands in the text."""

    to_choice: Callable[[str], TokenChoice]
    show: Callable[[TokenChoice], bytes]


def read_completion_logprobs(logprobs: Any, names: Names) -> tuple[list[TokenLogprob], list[int]]:
    """The tokens, and where in the text each begins."""
    if not logprobs:
        return [], []
    if logprobs.get("content") is not None:  # llama-server has the chat shape here too
        return list(read_chat_logprobs(logprobs)), []
    try:
        tops: list[Any] = logprobs.get("top_logprobs") or [None] * len(logprobs["tokens"])
        rows = zip(logprobs["tokens"], logprobs["token_logprobs"], tops, strict=True)
        tokens = [_to_token(row, names) for row in rows]
        offsets = [int(offset) for offset in to_items(logprobs.get("text_offset"))]
    except (TypeError, KeyError, ValueError, AttributeError, IndexError):
        raise garbled("its logprobs are not of OpenAI's form") from None
    return tokens, offsets


def _to_token(
    row: tuple[str, float | None, Mapping[str, float] | None], names: Names
) -> TokenLogprob:
    text, logprob, top = row
    chosen = _with(names.to_choice(text), math.nan if logprob is None else float(logprob))
    # The chosen token stands last where it is none of the most likely.
    ranked = sorted((top or {}).items(), key=lambda each: -each[1])
    choices = tuple(_with(names.to_choice(each), float(value)) for each, value in ranked)
    return TokenLogprob(chosen, choices, shown=names.show(chosen))


def with_alternatives(
    tokens: Iterable[TokenLogprob], count: int | None
) -> tuple[TokenLogprob, ...]:
    """None: nothing was asked for."""
    if count is None:
        return ()
    return tuple(
        TokenLogprob(token.chosen, token.alternatives[:count], token.shown) for token in tokens
    )


def _with(choice: TokenChoice, logprob: float) -> TokenChoice:
    return TokenChoice(choice.token_id, choice.piece, logprob)


def by_text() -> Names:
    """All that most servers tell of a token is its text."""
    return Names(
        lambda text: TokenChoice(UNKNOWN_ID, text.encode(errors="replace"), math.nan),
        lambda choice: choice.piece,
    )


def by_id(tokenizer: Tokenizer, *, shows_special: bool) -> Names:
    """For names such as `token_id:17`, with a tokenizer that knows its pieces."""

    def to_choice(text: str) -> TokenChoice:
        token_id = int(text.removeprefix(ID_MARK))
        return TokenChoice(token_id, tokenizer.piece(token_id, special=True), math.nan)

    def show(choice: TokenChoice) -> bytes:
        return tokenizer.piece(choice.token_id, special=shows_special)

    return Names(to_choice, show)
