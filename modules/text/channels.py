"""A reply's text split into thinking, content and tool calls, as it comes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContentPart:
    """Text for the reader. `start`: where it begins in all the text that was fed, in characters."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    text: str


@dataclass(frozen=True, slots=True)
class CallStart:
    """Call number `index` of the reply begins; its name is complete."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """The next piece of the JSON text of the call's arguments."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class CallEnd:
    """The arguments are whole."""

    index: int


ReplyPart = ContentPart | ReasoningPart | CallStart | CallArguments | CallEnd
