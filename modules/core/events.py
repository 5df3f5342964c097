"""What the engine says back: deltas (a PromptScored before them where asked for), then one Finished."""

from dataclasses import dataclass
from typing import Literal

from modules.core.messages import ToolCall

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "cancelled"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts of tokens. `cached_tokens` of the prompt were in the KV cache already; `reasoning_tokens` of the reply were thinking."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True)
class TokenChoice:
    """A token with its log-probability (natural logarithm). `token_id` is -1 where another server tells texts only."""

    token_id: int
    piece: bytes
    logprob: float

    @property
    def text(self) -> str:
        return self.piece.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """The chosen token and the most likely ones at its place, best first.

    `chosen.logprob` is nan only for the first token of a scored prompt, which has no past. `shown`: the token's part of the
    text as it is sent; empty for a control token that is left out.
    """

    chosen: TokenChoice
    alternatives: tuple[TokenChoice, ...] = ()
    shown: bytes = b""


@dataclass(slots=True)
class TextDelta:
    """New text of the reply, and the tokens that begin in it when logprobs were asked for.

    Not frozen only because freezing costs a microsecond per token; nobody changes it.
    """

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(slots=True)
class ReasoningDelta:
    """New text of the thinking."""

    text: str


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of the call number `index`; the first piece of each has its `id` and `name`."""

    index: int
    arguments: str = ""
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class PromptScored:
    """The prompt's tokens with their log-probabilities."""

    logprobs: tuple[TokenLogprob, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """`stop_string`: the one that ended the reply, if one did."""

    reason: FinishReason
    usage: Usage
    stop_string: str | None = None


Event = TextDelta | ReasoningDelta | ToolCallDelta | PromptScored | Finished


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole stream, folded."""

    text: str
    reason: FinishReason
    usage: Usage
    logprobs: tuple[TokenLogprob, ...] = ()
    prompt_logprobs: tuple[TokenLogprob, ...] = ()
    stop_string: str | None = None
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
