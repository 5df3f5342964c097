"""An extension to copy from: every hook once, in the order in which a request meets them. docs/extensions.md explains them.

With the params as they are nothing changes; `example-KEY` in settings.yaml sets one. Each function can be left out, and so can the
parameters at its end.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from modules.core.asked import ChatRequest, TextRequest
from modules.core.messages import Message

State = ChatRequest | TextRequest

log = logging.getLogger("hearth.extensions.example")

params: dict[str, Any] = {
    "display_name": "Example",
    "is_tab": False,  # a tab of its own in the web UI
    "shows": False,  # something below the chat
    "temperature": -1.0,  # for all requests; below 0: as they ask
    "kept_messages": 0,  # how many the model remembers; 0: all
    "shortcuts": {},  # what a user types -> what is meant
    "note": "",  # after what the user says, for the model only
    "plain_prompt": False,  # names and texts instead of the model's template
    "prefix": "",  # what replies begin with
    "penalty": 0.0,  # on the token that was said last
    "echo": False,  # say again what was asked, without the model
    "signature": "",  # after every reply
}


def setup(context: Any) -> None:
    log.debug("%s is enabled", params["display_name"])


def state_modifier(state: State) -> State:
    if params["temperature"] < 0:
        return state
    return replace(state, sampling=state.sampling.updated({"temperature": params["temperature"]}))


def history_modifier(messages: list[Message], state: ChatRequest) -> list[Message]:
    return messages[-params["kept_messages"] :] if params["kept_messages"] else messages


def chat_input_modifier(text: str, visible_text: str, state: ChatRequest) -> tuple[str, str]:
    return params["shortcuts"].get(text, text), visible_text


def input_modifier(text: str, state: State) -> str:
    return f"{text}\n{params['note']}" if params["note"] else text


def custom_generate_chat_prompt(messages: Sequence[Message], state: ChatRequest) -> str | None:
    if not params["plain_prompt"]:
        return None
    return "".join(f"{message.role}: {message.text}\n" for message in messages) + "assistant:"


def bot_prefix_modifier(prefix: str, state: ChatRequest) -> str:
    return prefix + params["prefix"]


def custom_tokenized_length(prompt: str, state: ChatRequest) -> int | None:
    return None


def tokenizer_modifier(prompt: str, token_ids: list[int], state: State) -> list[int]:
    return token_ids


def logits_processor_modifier(
    processors: list[Any], token_ids: Sequence[int], state: State
) -> list[Any]:
    if not params["penalty"]:
        return processors

    def change_the_subject(tokens: Sequence[int], logits: Any) -> Any:
        logits[tokens[-1]] -= params["penalty"]
        return logits

    return [*processors, change_the_subject]


def custom_generate_reply(prompt: str, state: State) -> Iterable[str] | None:
    if not params["echo"]:
        return None
    asked = state.messages[-1].text if isinstance(state, ChatRequest) else state.text
    return (f"{word} " for word in asked.split())


class Signed:
    """Text goes through as it comes; the signature comes at the end."""

    def __init__(self, state: State) -> None:
        self.is_empty = True

    def feed(self, text: str) -> str:
        self.is_empty = False
        return text

    def finish(self) -> str:
        return "" if self.is_empty else params["signature"]


def output_stream(state: State) -> Signed:
    return Signed(state)


def output_modifier(text: str, state: State) -> str:
    """The form for whole texts; an extension that has `output_stream` needs none."""
    return text + params["signature"]


def routes(app: Any) -> None:
    @app.get("/v1/example", tags=["example"])
    async def show_params() -> dict[str, Any]:
        """What the example extension is set to."""
        return params


def ui(context: Any) -> None:
    if params["shows"]:
        import gradio as gr

        gr.Markdown("The example extension is enabled.")


def ui_tab(context: Any) -> None:
    import gradio as gr

    gr.JSON(params, label="Params")


def custom_css() -> str:
    return ""


def custom_js() -> str:
    return ""
