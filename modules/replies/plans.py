"""What a request comes down to: what the engine is asked for, and what the hooks have made of it."""

from dataclasses import dataclass
from typing import Literal, Protocol

from modules.core.asked import ChatRequest, TextRequest
from modules.core.requests import GenerationRequest
from modules.hooks import State
from modules.replies.own_replies import OwnReply

Unheeded = Literal[
    "thinking", "reasoning", "effort", "variables", "tools", "truncation", "special_tokens"
]
"""Wishes that have no effect: to think, how much (`reasoning` and `effort`), variables of the chat template, …"""


@dataclass(frozen=True, slots=True)
class PlannedReply:
    """`own`: what an extension says instead of the model."""

    request: GenerationRequest
    own: OwnReply | None = None


class Plan(Protocol):
    """`state`: the request as the hooks have left it."""

    @property
    def state(self) -> State: ...

    @property
    def replies(self) -> tuple[PlannedReply, ...]: ...


@dataclass(frozen=True, slots=True)
class ChatPlan:
    """`prompt`: its text as the model gets it, "" where another server makes it. `truncated`: messages that were left out, None when that
    was not allowed (or is done elsewhere)."""

    state: ChatRequest
    replies: tuple[PlannedReply, ...]
    prompt: str = ""
    truncated: int | None = None
    unheeded: frozenset[Unheeded] = frozenset()

    @property
    def requests(self) -> tuple[GenerationRequest, ...]:
        return tuple(reply.request for reply in self.replies)


@dataclass(frozen=True, slots=True)
class TextPlan:
    state: TextRequest
    replies: tuple[PlannedReply, ...]

    @property
    def requests(self) -> tuple[GenerationRequest, ...]:
        return tuple(reply.request for reply in self.replies)
