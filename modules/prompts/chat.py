"""Messages to a prompt, by a chat template.

Templates get the texts as they are. What must not be read as template or control text travels as a random mark, and is put back afterwards:
pictures, control tokens in what people and tools say, and the place where a reply is gone on from.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modules.core.errors import RequestError
from modules.core.messages import Image, Message
from modules.core.tools import Tool
from modules.prompts.adaptation import render_adapted
from modules.prompts.control_texts import to_control_pattern
from modules.prompts.prompt import Prompt, Verbatim
from modules.prompts.templates import ChatTemplate

_UNTRUSTED = ("user", "tool")
MAX_MARKS = 1_000_000


def render_chat(
    template: ChatTemplate,
    messages: Sequence[Message],
    *,
    tools: Sequence[Tool] = (),
    variables: Mapping[str, Any] | None = None,
    continues_last: bool = False,
    control_texts: frozenset[str] = frozenset(),
) -> Prompt:
    """The prompt up to where the reply begins. RequestError when the template takes the messages in no way.

    `continues_last`: the last message is the assistant's and the reply goes on from its end. `control_texts`: what the
    tokenizer would read as control tokens; in messages of users and tools it is only text.
    """
    if not messages:
        raise RequestError("messages is empty.", param="messages")
    marks = _Marks(control_texts)
    marked = [marks.hide(message) for message in messages]
    tools = [marks.hide_tool(tool) for tool in tools]
    if not continues_last:
        text = render_adapted(template, marked, tools, variables, add_generation_prompt=True)
        return marks.restore(text)
    last = marked[-1]
    if last.role != "assistant" or not last.text:
        raise RequestError(
            "continue_ needs a last message of the assistant with text to go on from.",
            param="continue_",
        )
    return marks.restore(_render_open(template, marked, tools, variables))


def _render_open(
    template: ChatTemplate,
    messages: Sequence[Message],
    tools: Sequence[Tool],
    variables: Mapping[str, Any] | None,
) -> str:
    """Render with a mark in place of the last text, and cut at the mark.

    The text itself is not looked for: templates strip what they print, and it may stand in an earlier message too.
    """
    mark = secrets.token_hex(16)
    last = messages[-1]
    opened = [*messages[:-1], replace(last, content=mark, tool_calls=())]
    prompt = render_adapted(template, opened, tools, variables, add_generation_prompt=False)
    head, found, _ = prompt.partition(mark)
    if not found:
        raise RequestError(
            "The model's chat template leaves out the last message, so it cannot be continued.",
            param="continue_",
        )
    return head + last.text


class _Marks:
    """What stands for what in one rendering."""

    def __init__(self, control_texts: frozenset[str]) -> None:
        self._stem = secrets.token_hex(12)
        self._hidden: list[Verbatim | Image] = []
        self._controls = to_control_pattern(control_texts)

    def hide(self, message: Message) -> Message:
        """Also what is no content: names, ids, and what a model wrote before, which may repeat what it was told."""
        message = replace(
            message,
            name=self._hidden_text(message.name),
            tool_call_id=self._hidden_text(message.tool_call_id),
            reasoning_content=self._hidden_text(message.reasoning_content),
            tool_calls=tuple(
                replace(
                    call,
                    id=self._protect(call.id),
                    arguments=self._protect(call.arguments),
                )
                for call in message.tool_calls
            ),
        )
        if message.content is None:
            return message
        parts = (message.content,) if isinstance(message.content, str) else message.content
        is_untrusted = message.role in _UNTRUSTED
        texts = [
            self._mark(part)
            if isinstance(part, Image)
            else (self._protect(part) if is_untrusted else part)
            for part in parts
        ]
        return replace(message, content="".join(texts))

    def hide_tool(self, tool: Tool) -> Tool:
        """Descriptions come from elsewhere as often as not."""
        return replace(
            tool,
            description=self._protect(tool.description),
            parameters=self._protect(tool.parameters),
        )

    def _hidden_text(self, text: str | None) -> str | None:
        return None if text is None else self._protect(text)

    def restore(self, text: str) -> Prompt:
        if not self._hidden:
            return Prompt((text,))
        pieces = re.split(rf"{self._stem}(\d{{6}})", text)  # every second one is a number
        parts = [self._hidden[int(p)] if i % 2 else p for i, p in enumerate(pieces) if p]
        shown = sum(isinstance(part, Image) for part in parts)
        if shown != sum(isinstance(part, Image) for part in self._hidden):
            raise RequestError("The model's chat template leaves out a picture.", param="messages")
        return Prompt(tuple(parts))

    def _protect(self, text: str) -> str:
        if self._controls is None:
            return text
        return self._controls.sub(lambda found: self._mark(Verbatim(found[0])), text)

    def _mark(self, what: Verbatim | Image) -> str:
        if len(self._hidden) >= MAX_MARKS:
            raise RequestError("The messages hold too many control texts.", param="messages")
        self._hidden.append(what)
        return f"{self._stem}{len(self._hidden) - 1:06d}"
