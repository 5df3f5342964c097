"""What a page remembers of its notebook, and the line below a text."""

import secrets
from dataclasses import dataclass, field

from modules.core.errors import Conflict
from modules.engine.model import LoadedModel
from modules.ui.notebook.history import TextHistory
from modules.ui.notebook.writing import Written
from modules.ui.session import Session

_REASONS = {
    "stop": "the model has ended the text",
    "length": "max_tokens or the context is full",
    "cancelled": "stopped",
}


@dataclass
class Desk:
    """One place to write: `stop_id` of what is running there, empty when nothing is. `was_stopped`: by the person."""

    history: TextHistory = field(default_factory=TextHistory)
    stop_id: str = ""
    was_stopped: bool = False

    def begin(self) -> str:
        """The id to stop it by. Conflict while something is running."""
        if self.stop_id:
            raise Conflict("A text is being written already; stop it first.")
        self.was_stopped = False
        self.stop_id = f"ui-{secrets.token_hex(8)}"
        return self.stop_id


def desk_of(session: Session, name: str) -> Desk:
    """Made when it is first asked for."""
    key = f"notebook-{name}"
    desk = session.parts.get(key)
    if not isinstance(desk, Desk):
        desk = Desk()
        session.parts[key] = desk
    return desk


def to_line(written: Written, *, was_stopped: bool = False) -> str:
    """How much was written and how fast, and at the end why it ended."""
    speed = written.tokens_per_second
    parts = [f"{written.tokens:,} tokens written"]
    if speed is not None:
        parts.append(f"{speed:,.1f} tokens/s")
    if written.is_over:
        reason = "cancelled" if was_stopped else written.reason
        parts.append(_REASONS.get(reason, reason))
    if written.left_out:
        parts.append(f"the first {written.left_out:,} tokens did not fit and were left out")
    return " · ".join(parts)


def to_count(tokens: int | None, model: LoadedModel | None) -> str:
    if model is None:
        return "No model is loaded"
    if tokens is None:
        return ""
    return f"{tokens:,} of {model.info.context_length:,} tokens"
