"""What the grammars allow is read as calls that obey the schemas, and the families' own samples are allowed."""

import json
from typing import Any, Literal

import pytest

from modules.core.requests import Grammar
from modules.core.tools import ReasoningMarks, ReplyLayout, Tool
from modules.text.call_formats import FORMATS
from modules.text.call_formats.grammar import build_reply_grammar
from tests.unit.text.replies import read
from tests.unit.text.vocabularies import RandomWriter

WEATHER = Tool(
    "get_weather",
    parameters=json.dumps(
        {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer", "minimum": 0, "maximum": 9},
                "unit": {"enum": ["c", "f"]},
                "tags": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
            },
            "required": ["city", "unit"],
            "additionalProperties": False,
        }
    ),
)
TIME = Tool(
    "get_time",
    parameters='{"type": "object", "properties": {"utc": {"type": "boolean"}}, "additionalProperties": false}',
)
CLOSINGS = ("\n</parameter>", "</parameter>", "</arg_value>", "\n```", "</think>")
SEEDS = range(6)
Choice = Literal["auto", "required"]


def layout_of(name: str, *, opened: bool = False) -> ReplyLayout:
    marks = FORMATS[name].reasoning or ReasoningMarks()
    return ReplyLayout(name, (WEATHER, TIME), marks, starts_in_reasoning=opened)


def replies(grammar: Grammar, *, has_control_tokens: bool) -> list[str]:
    texts = (*grammar.marks, *CLOSINGS)
    writer = RandomWriter(grammar, has_control_tokens=has_control_tokens, texts=texts)
    written = [text for seed in SEEDS if (text := writer.write(seed)) is not None]
    assert written, "not one has come to an end"
    return written


def check_arguments(name: str, text: str) -> None:
    values: dict[str, Any] = json.loads(text)
    if name == "get_time":
        assert set(values) <= {"utc"}
        assert isinstance(values.get("utc", True), bool)
        return
    assert {"city", "unit"} <= set(values) <= {"city", "days", "unit", "tags"}
    assert isinstance(values["city"], str)
    assert values["unit"] in ("c", "f")
    assert values.get("days", 0) in range(10)
    assert all(isinstance(tag, bool) for tag in values.get("tags", []))


@pytest.mark.parametrize("has_control_tokens", [False, True])
@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("max_calls", [1, None])
@pytest.mark.parametrize("name", FORMATS)
def test_required_calls_always_come_and_obey_their_schema(
    name: str, max_calls: int | None, opened: bool, has_control_tokens: bool
) -> None:
    layout = layout_of(name, opened=opened)
    grammar = build_reply_grammar(layout, tool_choice="required", max_calls=max_calls)
    assert grammar is not None
    for text in replies(grammar, has_control_tokens=has_control_tokens):
        reply = read(layout, [text])
        assert 1 <= reply.ended == len(reply.calls) <= (max_calls or 100), text
        for call in reply.calls:
            check_arguments(*call)
        if name != "harmony":  # which may say something before
            assert reply.content == "", text


@pytest.mark.parametrize("has_control_tokens", [False, True])
@pytest.mark.parametrize("max_calls", [1, None])
@pytest.mark.parametrize("name", FORMATS)
def test_calls_that_come_by_themselves_obey_their_schema(
    name: str, max_calls: int | None, has_control_tokens: bool
) -> None:
    layout = layout_of(name)
    grammar = build_reply_grammar(layout, max_calls=max_calls)
    if grammar is None:  # nothing tells a call of this family from a text
        assert FORMATS[name].syntax.triggers == ()
        return
    for text in replies(grammar, has_control_tokens=has_control_tokens):
        reply = read(layout, [text])
        assert reply.ended == len(reply.calls) <= (max_calls or 100), text
        for call in reply.calls:
            check_arguments(*call)


@pytest.mark.parametrize("has_control_tokens", [False, True])
@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("name", [None, "hermes", "harmony"])
def test_a_body_stands_behind_the_thinking(
    name: str | None, opened: bool, has_control_tokens: bool
) -> None:
    marks = (FORMATS[name].reasoning if name else None) or ReasoningMarks()
    layout = ReplyLayout(name, (), marks, starts_in_reasoning=opened)
    grammar = build_reply_grammar(layout, body='%json {"enum": ["yes", {"a": 1}]}')
    assert grammar is not None
    for text in replies(grammar, has_control_tokens=has_control_tokens):
        content = read(layout, [text]).content
        if name == "harmony":  # remarks are content too
            continue
        assert json.loads(content) in ("yes", {"a": 1})


@pytest.mark.parametrize("has_control_tokens", [False, True])
def test_with_tools_a_reply_is_a_call_or_the_body(has_control_tokens: bool) -> None:
    layout = layout_of("hermes")
    grammar = build_reply_grammar(layout, body="/[0-9]{3}/")
    assert grammar is not None
    for text in replies(grammar, has_control_tokens=has_control_tokens):
        reply = read(layout, [text])
        assert bool(reply.calls) != bool(reply.content)
        if reply.content:
            assert reply.content.isdigit()
            assert len(reply.content) == 3
