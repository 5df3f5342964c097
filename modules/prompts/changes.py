"""Ways to say a conversation differently, for templates that do not take it as it is. Pure functions; no text is lost in any."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from modules.core.messages import Message

SYSTEM = ("system", "developer")
_ID_LENGTH = 9


def is_regular(messages: Sequence[Message]) -> bool:
    """At most one message of the system, in front, and then the user and the assistant in turns: what every template is made for."""
    rest = messages[1:] if messages[0].role in SYSTEM else messages
    if not rest or rest[0].role != "user" or any(each.role in SYSTEM for each in rest):
        return False
    spoken = [each for each in rest if each.role != "tool"]
    return all(one.role != other.role or one.tool_calls for one, other in pairwise(spoken))


def unchanged(messages: Sequence[Message]) -> list[Message]:
    return list(messages)


def with_joined_system(messages: Sequence[Message]) -> list[Message]:
    """System messages at the beginning become one."""
    count = next((i for i, each in enumerate(messages) if each.role not in SYSTEM), len(messages))
    if count < 2:
        return list(messages)
    return [_joined(messages[:count]), *messages[count:]]


def with_one_system(messages: Sequence[Message]) -> list[Message]:
    """The same, and later ones are said by the user."""
    first, *rest = with_joined_system(messages)
    return [first, *(_by_user(each) for each in rest)]


def in_turns(messages: Sequence[Message]) -> list[Message]:
    """The same, with neighbours of one role joined, and the user's turn first."""
    return _alternating(with_one_system(messages))


def without_system(messages: Sequence[Message]) -> list[Message]:
    """The system text goes in front of what the user says first."""
    system, *rest = with_one_system(messages)
    if system.role not in SYSTEM:
        return [system, *rest]
    if rest and rest[0].role == "user":
        return [_joined([rest[0]], before=system.text), *rest[1:]]
    return [_by_user(system), *rest]


def in_turns_without_system(messages: Sequence[Message]) -> list[Message]:
    return _alternating(without_system(messages))


def with_short_ids(messages: Sequence[Message]) -> list[Message]:
    """Calls are numbered in nine digits: templates of Mistral take ids of nine letters and digits only."""
    ids: dict[str, str] = {}

    def short(call_id: str) -> str:
        return ids.setdefault(call_id, f"{len(ids) + 1:0{_ID_LENGTH}}")

    return [
        replace(
            each,
            tool_calls=tuple(replace(call, id=short(call.id)) for call in each.tool_calls),
            tool_call_id=None if each.tool_call_id is None else short(each.tool_call_id),
        )
        for each in messages
    ]


def with_single_calls(messages: Sequence[Message]) -> list[Message]:
    """One call a message, with its result after it; text beside calls is a message of its own before them."""
    changed: list[Message] = []
    index = 0
    while index < len(messages):
        message = messages[index]
        index += 1
        if not message.tool_calls:
            changed.append(message)
            continue
        start = index
        while index < len(messages) and messages[index].role == "tool":
            index += 1
        changed += _one_by_one(message, messages[start:index])
    return with_short_ids(changed)


def _one_by_one(message: Message, results: Sequence[Message]) -> list[Message]:
    said = [replace(message, tool_calls=(), reasoning_content=None)] if message.text else []
    ids = {call.id for call in message.tool_calls}
    for index, call in enumerate(message.tool_calls):
        thinking = None if index else message.reasoning_content
        said.append(replace(message, content=None, tool_calls=(call,), reasoning_content=thinking))
        said += [each for each in results if each.tool_call_id == call.id]
    return [*said, *(each for each in results if each.tool_call_id not in ids)]


def _joined(messages: Sequence[Message], before: str = "") -> Message:
    texts = ([before] if before else []) + [each.text for each in messages]
    return replace(messages[0], content="\n\n".join(texts))


def _by_user(message: Message) -> Message:
    return replace(message, role="user") if message.role in SYSTEM else message


def _alternating(messages: Sequence[Message]) -> list[Message]:
    groups: list[list[Message]] = []
    for message in messages:
        last = groups[-1][-1] if groups else None
        if last is not None and message.role == last.role and _is_plain(message, last):
            groups[-1].append(message)
        else:
            groups.append([message])
    joined = [_joined(group) if len(group) > 1 else group[0] for group in groups]
    first = 1 if joined[0].role in SYSTEM else 0
    if len(joined) > first and joined[first].role == "assistant":
        joined.insert(first, Message("user", ""))
    return joined


def _is_plain(message: Message, last: Message) -> bool:
    return message.role in ("user", "assistant") and not message.tool_calls and not last.tool_calls
