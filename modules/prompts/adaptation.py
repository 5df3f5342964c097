"""Conversations that a template does not take as they are: what is changed, and only when it has to be."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from modules.core.errors import RequestError
from modules.core.messages import Message
from modules.core.tools import Tool
from modules.prompts.capabilities import Abilities
from modules.prompts.templates import ChatTemplate, to_fields
from modules.prompts.tool_text import with_tool_texts

Change = Callable[[Sequence[Message]], list[Message]]
_SYSTEM = ("system", "developer")


def render_adapted(
    template: ChatTemplate,
    messages: Sequence[Message],
    tools: Sequence[Tool],
    variables: Mapping[str, Any] | None,
    *,
    add_generation_prompt: bool,
) -> str:
    """As it stands when the template shows all of it, else with as few changes as do.

    The first refusal is raised when no change helps.
    """
    abilities = template.abilities
    refusal: RequestError | None = None
    shown: str | None = None
    for attempt in _attempts(template, messages, tools, abilities):
        try:
            text = template.render_fields(
                _to_fields(attempt, template, abilities),
                tools=_tools_for(template, tools, abilities),
                add_generation_prompt=add_generation_prompt,
                variables=variables,
            )
        except RequestError as error:
            refusal = refusal or error
            continue
        if not _is_missing(attempt, text):
            return text
        shown = text if shown is None else shown
    if shown is not None:  # the template leaves something out, whatever is tried: that is its right
        return shown
    assert refusal is not None
    raise refusal


def _attempts(
    template: ChatTemplate,
    messages: Sequence[Message],
    tools: Sequence[Tool],
    abilities: Abilities,
) -> Iterator[list[Message]]:
    known = [
        replace(each, role="system")
        if each.role == "developer" and not template.knows_developer
        else each
        for each in messages
    ]
    has_calls = any(each.tool_calls or each.role == "tool" for each in known)
    if (tools and not abilities.shows_tools) or (has_calls and not abilities.shows_calls):
        offered = () if abilities.shows_tools else tools
        known = with_tool_texts(known, offered)
    changes: tuple[Change, ...] = (_one_system, _in_turns)
    if not abilities.shows_system:
        changes = (_without_system, _in_turns_without_system)
    elif not any(each.role in _SYSTEM for each in known):
        changes = (_in_turns,)
    if abilities.shows_system or not any(each.role in _SYSTEM for each in known):
        yield known
    for change in changes:
        yield change(known)
    yield _in_turns_without_system(known)


def _one_system(messages: Sequence[Message]) -> list[Message]:
    """System messages at the beginning become one; later ones are said by the user."""
    count = 0
    while count < len(messages) and messages[count].role in _SYSTEM:
        count += 1
    later = [replace(m, role="user") if m.role in _SYSTEM else m for m in messages[count:]]
    if not count:
        return later
    text = "\n\n".join(message.text for message in messages[:count])
    return [replace(messages[0], content=text), *later]


def _in_turns(messages: Sequence[Message]) -> list[Message]:
    """The same, with neighbours of one role joined, and the user's turn first."""
    return _alternating(_one_system(messages))


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The system text goes in front of what the user says first."""
    merged = _one_system(messages)
    if not merged or merged[0].role not in _SYSTEM:
        return merged
    system, *rest = merged
    if rest and rest[0].role == "user":
        return [replace(rest[0], content=f"{system.text}\n\n{rest[0].text}"), *rest[1:]]
    return [replace(system, role="user"), *rest]


def _in_turns_without_system(messages: Sequence[Message]) -> list[Message]:
    return _alternating(_without_system(messages))


def _alternating(messages: Sequence[Message]) -> list[Message]:
    joined: list[Message] = []
    for message in messages:
        last = joined[-1] if joined else None
        is_plain = message.role in ("user", "assistant") and not message.tool_calls
        if last is not None and is_plain and last.role == message.role and not last.tool_calls:
            joined[-1] = replace(last, content=f"{last.text}\n\n{message.text}")
        else:
            joined.append(message)
    first = 1 if joined and joined[0].role in _SYSTEM else 0
    if len(joined) > first and joined[first].role == "assistant":
        joined.insert(first, Message("user", ""))
    return joined


def _is_missing(messages: Sequence[Message], text: str) -> bool:
    """Whether what the system or a user says is not in the prompt. Replies and results are the template's affair:
    it may drop their thinking, or write them as JSON."""
    wanted = [m.text.strip() for m in messages if m.role in ("user", *_SYSTEM)]
    return any(each not in text for each in wanted)


def _tools_for(
    template: ChatTemplate, tools: Sequence[Tool], abilities: Abilities
) -> list[Mapping[str, Any]] | None:
    return [tool.to_template() for tool in tools] if tools and abilities.shows_tools else None


def _to_fields(
    messages: Sequence[Message], template: ChatTemplate, abilities: Abilities
) -> list[dict[str, Any]]:
    return [_shaped(to_fields(message), abilities) for message in messages]


def _shaped(fields: dict[str, Any], abilities: Abilities) -> dict[str, Any]:
    if abilities.has_typed_content:
        fields["content"] = [{"type": "text", "text": fields["content"]}]
    if not abilities.has_text_arguments:
        for call in cast("list[dict[str, Any]]", fields.get("tool_calls", [])):
            call["function"]["arguments"] = _to_object(call["function"]["arguments"])
    return fields


def _to_object(arguments: str) -> Any:
    """History is not always valid: what is no JSON object stays text."""
    try:
        found = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments
    return found if isinstance(found, dict) else arguments
