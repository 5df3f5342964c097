"""Undo and redo of a text that is written on."""

from dataclasses import dataclass, field

MAX_STATES = 50
MAX_CHARS = 10_000_000
"""Of all states together; the oldest go first."""


@dataclass
class TextHistory:
    """`past`: the texts before what was written, the newest last; `future`: what was undone."""

    past: list[str] = field(default_factory=list[str])
    future: list[str] = field(default_factory=list[str])

    @property
    def can_undo(self) -> bool:
        return bool(self.past)

    @property
    def can_redo(self) -> bool:
        return bool(self.future)

    def note(self, text: str) -> None:
        """This is what an undo brings back. What was undone before cannot be redone any more."""
        self.future.clear()
        if not self.past or self.past[-1] != text:
            self.past.append(text)
        self._bound()

    def undo(self, text: str) -> str:
        """The text before; the one that there is now can be redone. The same text where there is nothing before."""
        while self.past and self.past[-1] == text:
            self.past.pop()
        if not self.past:
            return text
        self.future.append(text)
        return self.past.pop()

    def redo(self, text: str) -> str:
        if not self.future:
            return text
        self.past.append(text)
        return self.future.pop()

    def _bound(self) -> None:
        total = sum(map(len, self.past))
        while len(self.past) > MAX_STATES or (total > MAX_CHARS and len(self.past) > 1):
            total -= len(self.past.pop(0))
