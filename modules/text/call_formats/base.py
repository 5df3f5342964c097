"""What a tool-call format is: how calls are read out of a reply, and which grammar makes a model write them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from modules.core.tools import ReasoningMarks, Tool
from modules.text.call_formats.rules import Calls, Rules
from modules.text.channels import CallArguments, CallEnd, CallStart, ReplyPart
from modules.text.source import Source, Wait

NAME_LIMIT = 256
"""Characters of a function's name, with what a format puts around it."""


class NotACall(Exception):
    """What looked like a call is none; its text is content."""


class PartSink:
    """Where the reader of a reply puts what it finds. `is_reasoning`: text that comes now would be thinking."""

    def __init__(
        self,
        tools: Sequence[Tool],
        on_start: Callable[[], None] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        """`on_start` is called when a call begins: from then on its text cannot become content any more; `on_end` when it is whole."""
        self._tools = {tool.name: tool for tool in tools}
        self._parts: list[ReplyPart] = []
        self._arguments: list[str] = []
        self._count = 0
        self._on_start = on_start
        self._on_end = on_end
        self._is_whole = False
        self.is_reasoning = False

    @property
    def calls(self) -> int:
        return self._count

    def start(self, name: str) -> Tool:
        """NotACall for a name that is no tool's."""
        tool = self._tools.get(name)
        if tool is None:
            raise NotACall
        self._flush()
        self._parts.append(CallStart(self._count, name))
        self._count += 1
        self._is_whole = False
        if self._on_start is not None:
            self._on_start()
        return tool

    def arguments(self, text: str) -> None:
        self._arguments.append(text)

    def end(self) -> None:
        self._flush()
        self._parts.append(CallEnd(self._count - 1))
        self._is_whole = False
        if self._on_end is not None:
            self._on_end()

    def note_whole(self) -> None:
        """The arguments of the open call are complete; its end is still to come."""
        self._is_whole = True

    def end_whole(self) -> None:
        """End a call whose arguments came, though what is around them is broken."""
        if self._is_whole:
            self.end()

    def put(self, part: ReplyPart) -> None:
        """What is no call: content and thinking."""
        self._flush()
        self._parts.append(part)

    def take(self) -> list[ReplyPart]:
        """What was found since the last time."""
        self._flush()
        parts, self._parts = self._parts, []
        return parts

    def _flush(self) -> None:
        if self._arguments:
            text = "".join(self._arguments)
            self._arguments.clear()
            self._parts.append(CallArguments(self._count - 1, text))


class CallSyntax(Protocol):
    """A way of writing calls. Both sides are made from the same description."""

    @property
    def triggers(self) -> tuple[str, ...]:
        """Texts that begin calls. Empty: calls begin without a mark, and only at the beginning of the reply."""
        ...

    @property
    def marks(self) -> tuple[str, ...]:
        """All literal texts that a vocabulary may have as control tokens."""
        ...

    def read(self, source: Source, sink: PartSink, trigger: str) -> Wait:
        """One section of calls, whose trigger was taken. NotACall when it is none."""
        ...

    def write(self, rules: Rules, tools: Sequence[Tool], *, is_many: bool) -> Calls:
        """Adds the rules of one call, or of one and more."""
        ...


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """`signs`: a chat template that has all texts of one tuple is of this family. `reasoning`: where the family fixes its marks.

    `silent`: marks around content that are no part of it. `sample`: a reply with one call, as published.
    """

    name: str
    signs: tuple[tuple[str, ...], ...]
    syntax: CallSyntax
    sample: str
    reasoning: ReasoningMarks | None = None
    silent: tuple[str, ...] = ()

    @property
    def marks(self) -> frozenset[str]:
        thinking = () if self.reasoning is None else (self.reasoning.start, self.reasoning.end)
        return frozenset((*self.syntax.marks, *self.silent, *thinking))
