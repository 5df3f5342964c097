"""Replies that are not over too soon: neither a new line nor an end before so many tokens.

A processor of logits gets all tokens so far and the logits of the next one, and makes unlikely what should not come.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any
from weakref import WeakKeyDictionary

from modules.core.asked import ChatRequest, TextRequest
from modules.engine.model import LoadedModel
from modules.loaders.base import Tokenizer
from modules.own_params import OwnParams

params: dict[str, Any] = {
    "display_name": "Long replies",
    "min_tokens": 60,
    "allows_lines": False,  # forbid the end alone
}

PENALTY = 10_000.0
"""Rather than minus infinity: where a grammar allows nothing else, the token still comes."""

Processor = Callable[[Sequence[int], Any], Any]


class Endings:
    """Which tokens end a reply or a line, by model. A vocabulary is looked through once. For worker threads."""

    def __init__(self) -> None:
        self.context: Any = None
        self._known: WeakKeyDictionary[LoadedModel, dict[bool, list[int]]] = WeakKeyDictionary()

    def of(self, name: str, *, allows_lines: bool) -> list[int]:
        """Token ids. None for a model that takes no new requests."""
        model = self.context.models.get(name)
        known = self._known.get(model, {}) if model else {}
        return known[allows_lines] if allows_lines in known else self._read(name, allows_lines)

    def _read(self, name: str, allows_lines: bool) -> list[int]:
        """With a lease of its own: of this name another one may be loaded by now, which nobody keeps from being unloaded."""
        wait_for = self.context.hooks.loop.wait_for
        stack = AsyncExitStack()
        model = wait_for(self._lease(name, stack))
        try:
            if model is None:
                return []
            found = _ends(model.engine.tokenizer, allows_lines)
            self._known.setdefault(model, {})[allows_lines] = found
            return found
        finally:
            wait_for(stack.aclose())

    async def _lease(self, name: str, stack: AsyncExitStack) -> LoadedModel | None:
        """None is loaded for this."""
        models = self.context.models
        if models.get(name) is None:
            return None
        return await stack.enter_async_context(models.lease(name))


def _ends(tokenizer: Tokenizer, allows_lines: bool) -> list[int]:
    return [
        token_id
        for token_id in range(tokenizer.size)
        if tokenizer.is_end(token_id)
        or (not allows_lines and b"\n" in tokenizer.piece(token_id, special=False))
    ]


endings = Endings()
own = OwnParams(params)


def setup(context: Any) -> None:
    endings.context = context


def logits_processor_modifier(
    processors: list[Any], token_ids: Sequence[int], state: ChatRequest | TextRequest
) -> list[Processor]:
    """Structured replies are as long as they have to be."""
    wanted = own.of(state.person)
    min_tokens = int(wanted["min_tokens"])
    if min_tokens <= 0 or state.constraint is not None:
        return processors
    forbidden = endings.of(state.model, allows_lines=bool(wanted["allows_lines"]))
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

    from modules.ui.own_fields import bind, for_whom

    gr.Markdown(
        f"**Long replies**: neither an end nor a new line before so many tokens, {for_whom(context)}."
    )
    least = gr.Slider(0, 500, params["min_tokens"], step=10, label="Tokens")
    lines = gr.Checkbox(params["allows_lines"], label="New lines are fine")
    bind(context, own, {"min_tokens": least, "allows_lines": lines})
