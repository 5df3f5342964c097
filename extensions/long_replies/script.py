"""Replies that are not over too soon: neither a new line nor an end before so many tokens.

A processor of logits gets all tokens so far and the logits of the next one, and makes unlikely what should not come.
"""

from collections.abc import Callable, Sequence
from typing import Any

from modules.core.asked import ChatRequest, TextRequest
from modules.engine.model import LoadedModel

params: dict[str, Any] = {
    "display_name": "Long replies",
    "min_tokens": 60,
    "allows_lines": False,  # forbid the end alone
}

PENALTY = 10_000.0
"""Rather than minus infinity: where a grammar allows nothing else, the token still comes."""

Processor = Callable[[Sequence[int], Any], Any]


class Endings:
    """Which tokens end a reply or a line, by model. A vocabulary is looked through once."""

    def __init__(self) -> None:
        self.context: Any = None
        self._known: dict[tuple[str, int, bool], list[int]] = {}

    def of(self, name: str, *, allows_lines: bool) -> list[int]:
        """Token ids. Only of the model that answers now: it is kept until the reply is over, while others may be unloaded at any time."""
        found = [model for model in self.context.models.loaded if model.name == name]
        return self._of(found[0], allows_lines) if found else []

    def _of(self, model: LoadedModel, allows_lines: bool) -> list[int]:
        tokenizer = model.engine.tokenizer
        key = (model.name, tokenizer.size, allows_lines)
        if key not in self._known:
            self._known[key] = [
                token_id
                for token_id in range(tokenizer.size)
                if tokenizer.is_end(token_id)
                or (not allows_lines and b"\n" in tokenizer.piece(token_id, special=False))
            ]
        return self._known[key]


endings = Endings()


def setup(context: Any) -> None:
    endings.context = context


def logits_processor_modifier(
    processors: list[Any], token_ids: Sequence[int], state: ChatRequest | TextRequest
) -> list[Processor]:
    """Structured replies are as long as they have to be."""
    min_tokens = int(params["min_tokens"])
    if min_tokens <= 0 or state.constraint is not None:
        return processors
    forbidden = endings.of(state.model, allows_lines=bool(params["allows_lines"]))
    return [*processors, prolong(len(token_ids), min_tokens, forbidden)]


def prolong(prompt_length: int, min_tokens: int, forbidden: list[int]) -> Processor:
    """For one reply. `forbidden`: token ids."""

    def process(token_ids: Sequence[int], logits: Any) -> Any:
        if len(token_ids) - prompt_length < min_tokens:
            logits[forbidden] -= PENALTY
        return logits

    return process


def ui(context: Any) -> None:
    import gradio as gr

    def change(min_tokens: float, allows_lines: bool) -> None:
        params.update(min_tokens=int(min_tokens), allows_lines=allows_lines)

    gr.Markdown(
        "**Long replies**: neither an end nor a new line before so many tokens, for everybody."
    )
    least = gr.Slider(0, 500, params["min_tokens"], step=10, label="Tokens")
    lines = gr.Checkbox(params["allows_lines"], label="New lines are fine")
    for field in (least, lines):
        field.change(change, [least, lines], None, queue=False)
