"""What is said in a chat, turn by turn, as a transcript shows it: by the system, the user or the assistant, as text and pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from modules.core.errors import RequestError
from modules.core.messages import Image, Message
from modules.prompts.control_texts import to_control_pattern
from modules.prompts.names import name_problem
from modules.prompts.prompt import Verbatim

Part = str | Verbatim | Image

_PROTECTED_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Turn:
    """`parts` may be empty. `name`: the speaker's, when the message has one of its own."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]
    name: str | None = None


def to_turns(messages: Sequence[Message], control_texts: frozenset[str]) -> list[Turn]:
    """Every message in its place, but for empty ones of the system. Calls and their results become text; reasoning is left out.

    Texts in `control_texts` are made verbatim in what users and tools say. RequestError for a name that cannot be one.
    """
    guard = _Guard(control_texts)
    called: dict[str, str] = {}
    turns: list[Turn] = []
    for index, message in enumerate(messages):
        called |= {call.id: call.name for call in message.tool_calls}
        if message.name is not None:
            guard.check_name(message.name, param=f"messages[{index}].name")
        turn = _to_turn(message, called, guard)
        if turn.parts or turn.role != "system":
            turns.append(turn)
    return turns


def with_greeting(turns: Sequence[Turn], greeting: str) -> list[Turn]:
    """The greeting opens the talk, after what the system says first, unless the assistant has opened it already."""
    first = next((i for i, turn in enumerate(turns) if turn.role != "system"), None)
    if not greeting or first is None or turns[first].role == "assistant":
        return list(turns)
    return [*turns[:first], Turn("assistant", (greeting,)), *turns[first:]]


def check_speaker(name: str, control_texts: frozenset[str], *, param: str) -> None:
    _Guard(control_texts).check_name(name, param=param)


def joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Neighbouring texts of a kind become one, so that they are tokenized together; empty ones go."""
    result: list[Part] = []
    same: list[str] = []
    is_verbatim = False

    def close() -> None:
        text = "".join(same)
        if text:
            result.append(Verbatim(text) if is_verbatim else text)
        same.clear()

    for part in parts:
        if isinstance(part, Image):
            close()
            result.append(part)
            continue
        if isinstance(part, Verbatim) != is_verbatim:
            close()
            is_verbatim = not is_verbatim
        same.append(part.text if isinstance(part, Verbatim) else part)
    close()
    return tuple(result)


class _Guard:
    """Keeps what is said from being read as control tokens."""

    def __init__(self, control_texts: frozenset[str]) -> None:
        self._controls = to_control_pattern(control_texts)

    def check_name(self, name: str, *, param: str) -> None:
        """A name is text of the template: it cannot be made verbatim."""
        problem = name_problem(name)
        if not problem and self._controls is not None and self._controls.search(name):
            problem = "a name cannot hold the text of a control token"
        if problem:
            raise RequestError(f"{param}: {problem}.", param=param)

    def protect(self, part: str | Image) -> Iterable[Part]:
        if isinstance(part, Image) or self._controls is None:
            return (part,)
        found = self._controls.finditer(part)
        if sum(1 for _ in islice(found, _PROTECTED_LIMIT + 1)) > _PROTECTED_LIMIT:
            raise RequestError("A message holds too many control texts.", param="messages")
        pieces = self._controls.split(part)
        return [Verbatim(piece) if i % 2 else piece for i, piece in enumerate(pieces)]


def _to_turn(message: Message, called: dict[str, str], guard: _Guard) -> Turn:
    content = message.content
    said = () if not content else (content,) if isinstance(content, str) else content
    if message.role in ("user", "tool"):
        parts = joined(each for part in said for each in guard.protect(part))
    else:
        parts = joined(said)
    if message.role == "user":
        return Turn("user", parts, message.name)
    if message.role == "assistant":
        return Turn(
            "assistant", joined((*parts, _calls(message, has_text=bool(parts)))), message.name
        )
    if message.role == "tool":
        tool = message.name or called.get(message.tool_call_id or "", "the call")
        return Turn("system", joined((f"Result of {tool}: ", *parts)))
    return Turn("system", parts)


def _calls(message: Message, *, has_text: bool) -> str:
    calls = " ".join(f"[calls {call.name} with {call.arguments}]" for call in message.tool_calls)
    return f" {calls}" if calls and has_text else calls
