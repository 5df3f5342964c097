"""Conversations that a template does not take as they are: what is changed, and only when it has to be."""

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, cast

from modules.core.errors import RequestError
from modules.core.messages import Message
from modules.core.tools import Tool
from modules.prompts import changes
from modules.prompts.capabilities import Abilities
from modules.prompts.templates import ChatTemplate, to_fields
from modules.prompts.tool_text import with_tool_texts

Change = Callable[[Sequence[Message]], list[Message]]

_OF_TURNS: tuple[Change, ...] = (
    changes.unchanged,
    changes.with_joined_system,
    changes.with_one_system,
    changes.in_turns,
    changes.without_system,
    changes.in_turns_without_system,
)
_OF_CALLS: tuple[Change, ...] = (
    changes.unchanged,
    changes.with_short_ids,
    changes.with_single_calls,
)


class _Render(Protocol):
    def __call__(self, messages: Sequence[Message]) -> str: ...


def render_adapted(
    template: ChatTemplate,
    messages: Sequence[Message],
    tools: Sequence[Tool],
    variables: Mapping[str, Any] | None,
    *,
    add_generation_prompt: bool,
) -> str:
    """As it stands when the template shows all of it, else with as few changes as do.

    RequestError with the template's words when no change helps. What it then still leaves out, it was made to leave out.
    """
    render = partial(
        _render,
        template,
        tools=_tools_for(template, tools),
        variables=variables,
        add_generation_prompt=add_generation_prompt,
    )
    known = _known(template, messages, tools)
    if _is_simple(known, template.abilities):
        try:
            text = render(known)
        except RequestError:
            return _render_changed(render, known)
        if _is_whole(known, text):
            return text
    return _render_changed(render, known)


def _render_changed(render: _Render, messages: Sequence[Message]) -> str:
    """By the first change that loses nothing, else by the one that loses least."""
    marked = _Marked.of(messages)
    found: list[tuple[int, Change]] = []
    for change in _changes(messages):
        try:
            lost = marked.lost_in(render(change(marked.messages)))
            if not lost:
                return render(change(messages))
        except RequestError:
            continue
        found.append((lost, change))
    for _, change in sorted(found, key=lambda each: each[0]):
        try:
            return render(change(messages))
        except RequestError:
            continue
    return _render_calls_as_text(render, messages)


def _render_calls_as_text(render: _Render, messages: Sequence[Message]) -> str:
    """When all else is refused: in a form that is not the family's own."""
    if any(each.tool_calls or each.role == "tool" for each in messages):
        plain = with_tool_texts(messages, ())
        for change in _OF_TURNS:
            try:
                return render(change(plain))
            except RequestError:
                continue
    return render(messages)


def _changes(messages: Sequence[Message]) -> Iterator[Change]:
    """The smaller ones first. Both kinds together where there are calls."""
    has_calls = any(each.tool_calls or each.role == "tool" for each in messages)
    of_calls = _OF_CALLS if has_calls else _OF_CALLS[:1]
    weighed = [
        (i + j, call, turn) for i, call in enumerate(of_calls) for j, turn in enumerate(_OF_TURNS)
    ]
    for _, call, turn in sorted(weighed, key=lambda each: each[0]):
        yield partial(_both, call, turn)


def _both(call: Change, turn: Change, messages: Sequence[Message]) -> list[Message]:
    return turn(call(messages))


@dataclass(frozen=True, slots=True)
class _Marked:
    """A conversation with random marks for its texts: what is missing in the prompt was left out, whatever else is in it."""

    messages: list[Message]
    marks: frozenset[str]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, messages: Sequence[Message]) -> "_Marked":
        stem = secrets.token_hex(8)
        marked = [
            replace(each, content=f"{stem}{index:08}") if each.text.strip() else each
            for index, each in enumerate(messages)
        ]
        marks = frozenset(each.text for each in marked if each.text.startswith(stem))
        return cls(marked, marks, re.compile(f"{stem}[0-9]{{8}}"))

    def lost_in(self, text: str) -> int:
        return len(self.marks.difference(self.pattern.findall(text)))


def _is_simple(messages: Sequence[Message], abilities: Abilities) -> bool:
    if not changes.is_regular(messages):
        return False
    return abilities.shows_system or messages[0].role not in changes.SYSTEM


def _is_whole(messages: Sequence[Message], text: str) -> bool:
    """Whether the texts are there in their order. "No" may be wrong, for a template that moves or rewrites them."""
    position = 0
    for message in messages:
        if message.role == "tool" or (message.role == "assistant" and not message.tool_calls):
            continue  # many templates rewrite these: results become JSON, thinking is taken out
        said = message.text.rpartition("</think>")[2].strip()
        position = text.find(said, position)
        if position < 0:
            return False
        position += len(said)
    return True


def _known(
    template: ChatTemplate, messages: Sequence[Message], tools: Sequence[Tool]
) -> list[Message]:
    """In terms that the template knows."""
    abilities = template.abilities
    known = [
        replace(each, role="system")
        if each.role == "developer" and not template.knows_developer
        else each
        for each in messages
    ]
    has_calls = any(each.tool_calls or each.role == "tool" for each in known)
    if (tools and not abilities.shows_tools) or (has_calls and not abilities.shows_calls):
        return with_tool_texts(known, () if abilities.shows_tools else tools)
    return known


def _tools_for(template: ChatTemplate, tools: Sequence[Tool]) -> list[Mapping[str, Any]] | None:
    shows_tools = tools and template.abilities.shows_tools
    return [tool.to_template() for tool in tools] if shows_tools else None


def _render(
    template: ChatTemplate,
    messages: Sequence[Message],
    *,
    tools: Sequence[Mapping[str, Any]] | None,
    variables: Mapping[str, Any] | None,
    add_generation_prompt: bool,
) -> str:
    return template.render_fields(
        [_shaped(to_fields(message), template.abilities) for message in messages],
        tools=tools,
        variables=variables,
        add_generation_prompt=add_generation_prompt,
    )


def _shaped(fields: dict[str, Any], abilities: Abilities) -> dict[str, Any]:
    thinking = fields.get("reasoning_content")
    if thinking and abilities.has_thinking_in_content:
        fields["content"] = f"<think>\n{thinking}\n</think>\n\n{fields['content']}"
    if abilities.has_null_content and "tool_calls" in fields and not fields["content"]:
        fields["content"] = None
    elif abilities.has_typed_content:
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
    return cast("dict[str, Any]", found) if isinstance(found, dict) else arguments
