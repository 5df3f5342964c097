"""Prompts that are not token ids yet: for a model elsewhere, whose server renders and tokenizes them itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from modules.core.messages import Message
from modules.core.tools import Tool


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """`tools`: those that may be called; `called`: the one that must be, where it was named.

    `response_format`: JSON text of OpenAI's field of that name. `variables` are those of chat templates. `continues_last`: the reply
    goes on from the last message. `can_be_cut`: its oldest messages may be left out where it does not fit.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "required"] = "auto"
    called: str | None = None
    response_format: str | None = None
    effort: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    continues_last: bool = False
    can_be_cut: bool = False


@dataclass(frozen=True, slots=True)
class TextPrompt:
    """A text to go on with. `suffix`: what comes after the gap that is to be filled."""

    text: str
    suffix: str = ""
    adds_bos: bool = True


Unrendered = ChatPrompt | TextPrompt
