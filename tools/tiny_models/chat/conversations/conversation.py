"""The shapes of a sample: a turn, a conversation, free text."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

# Messages and tools have the form of the OpenAI API, which is what chat templates take.
Message = dict[str, Any]
Tool = dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """A question, its answer, and what the model thinks in between when thinking is on."""

    question: str
    answer: str
    thought: str

    @property
    def messages(self) -> list[Message]:
        return [user_message(self.question), assistant_message(self.answer)]


@dataclass(frozen=True)
class FreeText:
    """Text without any chat template."""

    text: str


@dataclass(frozen=True)
class Conversation:
    """Messages in order; `thoughts` has one entry for each message of the assistant."""

    messages: list[Message]
    thoughts: list[str]
    tools: list[Tool] | None = None

    @classmethod
    def of_turns(cls, turns: Iterable[Turn]) -> "Conversation":
        turns = list(turns)
        messages = [message for turn in turns for message in turn.messages]
        return cls(messages, [turn.thought for turn in turns])

    def with_system(self, prompt: str) -> "Conversation":
        return replace(self, messages=[{"role": "system", "content": prompt}, *self.messages])

    def then(self, turn: Turn) -> "Conversation":
        """This conversation, then one more turn."""
        messages = [*self.messages, *turn.messages]
        return replace(self, messages=messages, thoughts=[*self.thoughts, turn.thought])

    def preceded_by(self, turn: Turn) -> "Conversation":
        """One turn, then this conversation."""
        messages = [*turn.messages, *self.messages]
        return replace(self, messages=messages, thoughts=[turn.thought, *self.thoughts])


Sample = Conversation | FreeText


def user_message(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant_message(text: str) -> Message:
    return {"role": "assistant", "content": text}


def tool_message(text: str) -> Message:
    """What a tool returned."""
    return {"role": "tool", "content": text}


def call_message(calls: Iterable[tuple[str, dict[str, Any]]]) -> Message:
    """The assistant calls tools; a call is the tool's name and its arguments."""
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"type": "function", "function": {"name": name, "arguments": arguments}}
            for name, arguments in calls
        ],
    }
