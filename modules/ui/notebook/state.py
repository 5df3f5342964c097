"""What a page remembers of its notebook, and the line below a text."""

from dataclasses import dataclass, field

from modules.core.errors import Conflict
from modules.engine.model import LoadedModel
from modules.ui.notebook.history import TextHistory
from modules.ui.notebook.stopping import Stopping
from modules.ui.notebook.writing import Written
from modules.ui.session import Session

_REASONS = {
    "stop": "the model has ended the text",
    "length": "max_tokens or the context is full",
    "cancelled": "stopped",
}


@dataclass
class Desk:
    """One place to write: `stopping` of what is running there, None when nothing is."""

    history: TextHistory = field(default_factory=TextHistory)
    stopping: Stopping | None = None

    def begin(self) -> Stopping:
        """What it can be stopped by. Conflict while something is running."""
        if self.stopping is not None:
            raise Conflict("A text is being written already; stop it first.")
        self.stopping = Stopping()
        return self.stopping


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
