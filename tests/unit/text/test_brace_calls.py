"""The calls of Gemma 4 and FunctionGemma: nested values, texts without escapes, and broken ones."""

import json

import pytest

from modules.core.tools import ReplyLayout, Tool
from modules.text.call_formats import FORMATS
from modules.text.call_formats.grammar import build_reply_grammar
from tests.unit.text.replies import Reply, read
from tests.unit.text.vocabularies import RandomWriter

SEARCH = Tool(
    "search",
    parameters=json.dumps(
        {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "limit": {"type": "integer"},
                "order": {"enum": ["new", "old", 3]},
                "tags": {
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 1,
                    "maxItems": 2,
                },
                "near": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}},
                    "required": ["city"],
                },
                "more": {},
            },
            "required": ["text", "tags"],
        }
    ),
)
TIME = Tool("get_time")


def gemma(text: str) -> str:
    """With `"` for the mark around texts."""
    return text.replace('"', '<|"|>')


def layout_of(name: str) -> ReplyLayout:
    return ReplyLayout(name, (SEARCH, TIME), FORMATS[name].reasoning)


def read_any_way(name: str, text: str) -> Reply:
    whole = read(layout_of(name), [text])
    assert read(layout_of(name), list(text)) == whole
    for at in range(len(text)):
        assert read(layout_of(name), [text[:at], text[at:]]) == whole, at
    return whole


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("", {}),
        (" ", {}),
        ('text:"a, {b} \\n: c"', {"text": "a, {b} \\n: c"}),
        ('text:"é\n\\"', {"text": "é\n\\"}),
        ('limit:-3,more:true,tags:["a","b"]', {"limit": -3, "more": True, "tags": ["a", "b"]}),
        ('near:{city:"Rome",at:[1,[2.5,null]]}', {"near": {"city": "Rome", "at": [1, [2.5, None]]}}),
        ('near:{"city":"Rome"}, tags: [ ]', {"near": {"city": "Rome"}, "tags": []}),
        ("text:plain", {"text": "plain"}),
    ],
)  # fmt: skip
def test_values_become_json(inside: str, expected: object) -> None:
    text = f"Yes.<|tool_call>call:search{{{gemma(inside)}}}<tool_call|>"
    reply = read_any_way("gemma4", text)
    assert [json.loads(arguments) for _, arguments in reply.calls] == [expected]
    assert (reply.content, reply.ended) == ("Yes.", 1)


def test_thinking_on_its_channel_and_several_calls() -> None:
    text = (
        "<|channel>thought\nHm.<channel|><|tool_call>call:get_time{}<tool_call|>"
        '<|tool_call>call:search{text:<|"|>a<|"|>}<tool_call|>'
    )
    reply = read_any_way("gemma4", text)
    assert reply == Reply("", "Hm.", [("get_time", "{}"), ("search", '{"text": "a"}')], 2)


def test_function_gemma_has_other_marks() -> None:
    text = "<start_function_call>call:search{text:<escape>a<escape>}<end_function_call>"
    assert read_any_way("function_gemma", text).calls == [("search", '{"text": "a"}')]


@pytest.mark.parametrize(
    "text",
    [
        "<|tool_call>call:unknown{}<tool_call|>",
        "<|tool_call>search{}<tool_call|>",
        "<|tool_call>call:" + "x" * 5000,
        "<|tool_call> and <tool_call|>",
    ],
)
def test_what_is_no_call_is_content(text: str) -> None:
    assert read_any_way("gemma4", text) == Reply(content=text)


@pytest.mark.parametrize("inside", ["more:" + "[" * 1000, "text", "near:{a:1]", "a:1,b:[}"])
def test_what_breaks_off_does_not_end(inside: str) -> None:
    reply = read(layout_of("gemma4"), [f"<|tool_call>call:search{{{inside}"])
    assert (len(reply.calls), reply.ended) == (1, 0)


@pytest.mark.parametrize("has_control_tokens", [False, True])
@pytest.mark.parametrize("name", ["gemma4", "function_gemma"])
def test_what_the_grammar_allows_obeys_the_schema(name: str, has_control_tokens: bool) -> None:
    layout = layout_of(name)
    grammar = build_reply_grammar(layout, tool_choice="required")
    assert grammar is not None
    writer = RandomWriter(
        grammar, has_control_tokens=has_control_tokens, texts=(*grammar.marks, "}", "]")
    )
    texts = [text for seed in range(20) if (text := writer.write(seed)) is not None]
    assert texts
    for text in texts:
        for called, arguments in read(layout, [text]).calls:
            values = json.loads(arguments)
            if called == "search":
                assert isinstance(values["text"], str)
                assert 1 <= len(values["tags"]) <= 2
                assert values.get("order", 3) in ("new", "old", 3)
                assert isinstance(values.get("near", {"city": ""})["city"], str)
