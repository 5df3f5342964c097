"""Which messages go when a conversation does not fit: the oldest, in pieces that belong together."""

from collections.abc import Sequence

from modules.core.messages import Message

_KEPT = ("system", "developer")


def droppable_groups(messages: Sequence[Message]) -> list[list[int]]:
    """Indexes that may go, oldest first; each group goes as a whole.

    System messages stay, and so do the last turn's question and the last message. An older turn of the user goes with all the
    replies to it, so that what is left begins with the user. In the last turn a call goes with its results.
    """
    turns = _turns(messages)
    if not turns:
        return []
    *older, last = turns
    steps = _steps(messages, last)
    return [*older, *steps[1:-1]]


def without_groups(messages: Sequence[Message], groups: Sequence[Sequence[int]]) -> list[Message]:
    gone = {index for group in groups for index in group}
    return [message for index, message in enumerate(messages) if index not in gone]


def _turns(messages: Sequence[Message]) -> list[list[int]]:
    """What the user says, with the replies to it."""
    turns: list[list[int]] = []
    for index, message in enumerate(messages):
        if message.role in _KEPT:
            continue
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(index)
    return turns


def _steps(messages: Sequence[Message], turn: Sequence[int]) -> list[list[int]]:
    """A turn in its parts: the question, then each reply with the results of its calls."""
    steps: list[list[int]] = []
    for index in turn:
        if messages[index].role != "tool" or not steps:
            steps.append([])
        steps[-1].append(index)
    return steps
