"""One case of the test set: a conversation and how to judge what the model says next."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from tools.tiny_models.chat.conversations.conversation import Message, Tool, user_message

CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghkmnpqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Check:
    """`kind` names one of evaluation.checks.CHECKS; `wanted` is what it compares with."""

    kind: str
    wanted: Any


@dataclass(frozen=True)
class Case:
    """`task` is the row of the table that the case counts for; `think` None is the default."""

    task: str
    messages: list[Message]
    check: Check
    tools: list[Tool] | None = None
    think: bool | None = None

    @classmethod
    def ask(
        cls, task: str, question: str, check: Check, before: Iterable[Message] = (), **more: Any
    ) -> "Case":
        return cls(task, [*before, user_message(question)], check, **more)


def exactly(text: str) -> Check:
    return Check("exact", text)


def has_all(*texts: str) -> Check:
    return Check("text_has", list(texts))


def random_code(rng: Random) -> str:
    """Letters and digits that are not mistaken for each other."""
    length = rng.randint(4, 7)
    return "".join(rng.choice(CODE_LETTERS) for _ in range(length))
