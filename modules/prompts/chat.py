"""Messages to prompt text, by the model's own template."""

from collections.abc import Mapping, Sequence
from typing import Any

from modules.core.errors import RequestError
from modules.core.messages import Message
from modules.prompts.templates import ChatTemplate

_MARK = "\ue000continue\ue000"
"""Private-use characters: no tokenizer, template or user text gives them a meaning."""


def render_chat(
    template: ChatTemplate,
    messages: Sequence[Message],
    *,
    continues_last: bool = False,
    variables: Mapping[str, Any] | None = None,
) -> str:
    """The prompt up to where the reply begins.

    `continues_last`: the last message is the assistant's and the reply goes on from its end, so nothing that the
    template puts after a message is wanted.
    """
    if not messages:
        raise RequestError("messages is empty.", param="messages")
    if not continues_last:
        return template.render(messages, add_generation_prompt=True, variables=variables)
    last = messages[-1]
    if last.role != "assistant" or not last.content:
        raise RequestError(
            "continue_ needs a last message of the assistant with text to go on from.",
            param="continue_",
        )
    return _render_open(template, messages, last.content, variables)


def _render_open(
    template: ChatTemplate,
    messages: Sequence[Message],
    text: str,
    variables: Mapping[str, Any] | None,
) -> str:
    """Render with a mark in place of the last text, and cut at the mark.

    The text itself is not looked for: templates strip what they print, and it may stand in an earlier message too.
    """
    marked = Message(role="assistant", content=_MARK)
    prompt = template.render(
        [*messages[:-1], marked], add_generation_prompt=False, variables=variables
    )
    head, mark, _ = prompt.partition(_MARK)
    if not mark:
        raise RequestError(
            "The model's chat template leaves out the last message, so it cannot be continued.",
            param="continue_",
        )
    return head + text
