"""What a chat request comes down to, however its prompt is made."""

from dataclasses import dataclass

from modules.core.requests import GenerationRequest
from modules.core.wishes import Thinking, ToolUse


@dataclass(frozen=True, slots=True)
class ChatPlan:
    """`requests`: one for each reply. `truncated`: messages that were left out, None when that was not allowed.

    `ignored`: fields that the chat template has no use for.
    """

    requests: list[GenerationRequest]
    tools: ToolUse
    thinking: Thinking
    truncated: int | None
    ignored: tuple[str, ...] = ()
