"""Requests that need two calls: of the same tool with another value, or of another tool."""

from dataclasses import dataclass
from typing import Any

from tools.tiny_models.chat.conversations.conversation import Tool
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.tool_case import ToolCase
from tools.tiny_models.chat.conversations.tool_case_mix import any_tool_case

REPEATED_PREPOSITIONS = ("in", "for", "of", "to", "from", "about")


@dataclass(frozen=True)
class Request:
    """What the user asks, the tools that it needs, the calls (name, arguments) in order."""

    text: str
    tools: list[Tool]
    calls: list[tuple[str, dict[str, Any]]]

    @classmethod
    def of_case(cls, case: ToolCase) -> "Request":
        return cls(case.request, [case.tool], [case.call])


def two_call_request(draw: Draw, first: ToolCase) -> Request:
    """The request of `first` and one more; now and then no second one is found."""
    if _has_one_plain_value(first):
        return _same_tool_twice(draw, first)
    second = any_tool_case(draw)
    if second.name == first.name:
        return Request.of_case(first)
    joint = draw.pick(("Also: ", "And then: ", ""))
    text = f"{first.request} {joint}{second.request}"
    return Request(text, [first.tool, second.tool], [first.call, second.call])


def _has_one_plain_value(case: ToolCase) -> bool:
    """Whether a second value can simply be put after the first."""
    if len(case.arguments) != 1:
        return False
    ((name, value),) = case.arguments.items()
    schema = case.tool["function"]["parameters"]["properties"][name]
    return isinstance(value, str) and case.request.count(value) == 1 and "enum" not in schema


def _same_tool_twice(draw: Draw, case: ToolCase) -> Request:
    """ "the weather in Oslo?" becomes "the weather in Oslo and in Rome?"."""
    ((name, value),) = case.arguments.items()
    other = _value_like(draw, value)
    before, after = case.request.split(value)
    preposition = _repeated_preposition(before)
    joint = draw.pick((" and ", " and " + preposition, ", and " + preposition))
    text = before + value + joint + other + after
    return Request(text, [case.tool], [case.call, (case.name, {name: other})])


def _repeated_preposition(before: str) -> str:
    word = before.split()[-1] if before.split() else ""
    return word + " " if word in REPEATED_PREPOSITIONS else ""


def _value_like(draw: Draw, value: str) -> str:
    """Another value of the same kind, as far as its looks tell."""
    if "/" in value:
        return draw.pick((draw.place, draw.time_zone))()
    if value[:1].isupper():
        return draw.place()
    return draw.code() if any(letter.isdigit() for letter in value) else draw.word()
