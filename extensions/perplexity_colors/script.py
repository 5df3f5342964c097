"""Replies whose words are coloured by how likely they were: what the model was unsure of is red.

For looking, in the web UI only. The colours are part of the reply as it is kept, but the model does not see them.
"""

import re
from dataclasses import replace
from typing import Any

from extensions.perplexity_colors.colouring import Colouring
from modules.core.asked import ChatRequest, TextRequest
from modules.core.messages import Message
from modules.own_params import OwnParams

State = ChatRequest | TextRequest

params: dict[str, Any] = {
    "display_name": "Perplexity colours",
    "is_active": True,
    "alternatives": 3,  # how many other words a tooltip tells
    "sure": 0.9,  # what is at least that likely stays without a colour
}

_SPAN = re.compile(r'<span style="background-color:rgba\([^"]*\)" title="[^"]*">(.*?)</span>')


own = OwnParams(params)


def is_for(state: State) -> bool:
    is_chat = isinstance(state, ChatRequest) and state.face == "ui"
    return is_chat and bool(own.of(state.person)["is_active"])


def state_modifier(state: State) -> State:
    if not is_for(state) or state.constraint is not None:
        return state
    return replace(state, logprobs=max(state.logprobs or 0, int(params["alternatives"])))


def history_modifier(messages: list[Message], state: ChatRequest) -> list[Message]:
    """Without colours, also where they have been switched off since."""
    return [
        replace(message, content=_SPAN.sub(r"\1", message.content))
        if message.role == "assistant" and isinstance(message.content, str)
        else message
        for message in messages
    ]


class Plain:
    def feed(self, text: str) -> str:
        return text

    def finish(self) -> str:
        return ""


def output_stream(state: State) -> Colouring | Plain:
    return Colouring(float(params["sure"])) if is_for(state) else Plain()


def ui(context: Any) -> None:
    import gradio as gr

    from modules.ui.own_fields import bind, for_whom

    active = gr.Checkbox(
        params["is_active"],
        label="Colour words by how likely they were",
        info=f"Red: the model was unsure. Rest on a word to see what else there was. It holds {for_whom(context)}.",
    )
    bind(context, own, {"is_active": active})
