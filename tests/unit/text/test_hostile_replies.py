"""Broken, cut and hostile replies: nothing raises, nothing is lost, and the work grows with the length only."""

import json
import sys
from collections.abc import Iterator
from types import FrameType

import pytest

from modules.core.tools import ReasoningMarks, ReplyLayout, Tool
from modules.text.call_formats import FORMATS
from modules.text.source import Source
from modules.text.splitter import ReplySplitter
from tests.unit.text.replies import Reply, read

WEATHER = Tool(
    "get_weather",
    parameters='{"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "near": {"type": "object"}}}',
)
TIME = Tool("get_time")
OPEN, CLOSE = "<tool_call>", "</tool_call>"
CALL = OPEN + '{"name": "get_time", "arguments": {}}' + CLOSE
QWEN = "<tool_call>\n<function=get_weather>\n"
COMMENTARY = "<|channel|>commentary to=functions.get_weather<|message|>"


def layout_of(name: str, *, opened: bool = False) -> ReplyLayout:
    marks = FORMATS[name].reasoning or ReasoningMarks()
    return ReplyLayout(name, (WEATHER, TIME), marks, starts_in_reasoning=opened)


def read_any_way(name: str, text: str) -> Reply:
    """Read whole, by characters, and cut in two anywhere: always the same."""
    whole = read(layout_of(name), [text])
    assert read(layout_of(name), list(text)) == whole
    for at in range(len(text)):
        assert read(layout_of(name), [text[:at], text[at:]]) == whole, at
    return whole


def weather(arguments: str) -> str:
    return OPEN + '{"name": "get_weather", "arguments": ' + arguments + "}" + CLOSE


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"city": "a\nb\tc"}', {"city": "a\nb\tc"}),
        ('{"days": [True, None, {"x": False}]}', {"days": [True, None, {"x": False}]}),
        ('{"city": "True \\" None {"}', {"city": 'True " None {'}),
        ('""', {}),
        ('" "', {}),
        ("null", {}),
        ('"{\\"city\\": \\"\\\\u00e9 \\\\n\\"}"', {"city": "é \n"}),
        ('"\\u007b\\u007d"', None),
        ('"Paris"', None),
        ("[1]", None),
        ("3", None),
        ("", None),
    ],
)
def test_arguments_become_an_object_or_the_text_stays_content(
    arguments: str, expected: object
) -> None:
    text = weather(arguments)
    reply = read_any_way("hermes", text)
    if expected is None:
        assert reply == Reply(content=text)
    else:
        assert [(name, json.loads(got)) for name, got in reply.calls] == [("get_weather", expected)]
        assert (reply.ended, reply.content) == (1, "")


@pytest.mark.parametrize(
    ("text", "content", "calls"),
    [
        (f"a\n{CALL}\n\nb\n{CALL}\n", "a\n\nb", 2),
        (f"{CALL}\n  b \n", "  b \n", 1),
        (f"\n {CALL}\n \n{CALL}", "", 2),
        (OPEN + CALL, OPEN, 1),
        (OPEN + '{"name": "rm_rf", "arguments": {}}' + CLOSE + CALL, None, 1),
        (f"{OPEN} [ {CALL}", f"{OPEN} [", 1),
        ("x" + OPEN + '{"name": "get_time"', None, 0),
        (f"{CALL} and {OPEN}", f"and {OPEN}", 1),
        ("  \n", "  \n", 0),
    ],
)
def test_text_between_and_around_calls(text: str, content: str | None, calls: int) -> None:
    """None: all that is no call."""
    reply = read_any_way("hermes", text)
    assert reply.content == (text.replace(CALL, "") if content is None else content)
    assert len(reply.calls) == calls


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("<think>\nHm.\n\n</think>\n\n    code\n", "    code\n"),
        ("<think>Hm.</think>\n", ""),
        ("<think>Hm.</think> Yes.", "Yes."),
        ("<think>Hm.</think>\n\nYes.\n\nNo.\n", "Yes.\n\nNo.\n"),
    ],
)
def test_only_blank_lines_go_after_thinking(text: str, content: str) -> None:
    assert read_any_way("hermes", text) == Reply(content=content, reasoning="Hm.")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<parameter=city>\n\n two\n\n</parameter>\n", {"city": "\n two\n"}),
        ("<parameter=city>\n12</parameter><parameter=days>3</parameter>", {"city": "12", "days": 3}),
        ("<parameter=near>\n{'a': True, \"b\": [None]}\n</parameter>\n", {"near": {"a": True, "b": [None]}}),
        ("<parameter=days>\nNaN\n</parameter>\n", {"days": "NaN"}),
        ("<parameter=days>\nmany\n</parameter>\n", {"days": "many"}),
        ("<parameter=city>\n</parameterx <b>\n</parameter>\n", {"city": "</parameterx <b>"}),
    ],
)  # fmt: skip
def test_tagged_values_are_what_the_schema_says(body: str, expected: object) -> None:
    reply = read_any_way("qwen_xml", QWEN + body + "</function>\n</tool_call>")
    assert [json.loads(arguments) for _, arguments in reply.calls] == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[get_weather(city='a\\n\\x41\\u00e9\\'\"', days=-3)]", {"city": "a\nAé'\"", "days": -3}),
        ('[get_weather("Paris", 2)]', {"city": "Paris", "days": 2}),
        ('[get_weather(city="""a "b" c""", near={"k": (1, None)})]', {"city": 'a "b" c', "near": {"k": [1, None]}}),
        ("[get_weather(city='', near={})]", {"city": "", "near": {}}),
        ("[get_weather(city=Paris)]", {"city": "Paris"}),
    ],
)  # fmt: skip
def test_python_values_become_json(text: str, expected: object) -> None:
    reply = read_any_way("llama_pythonic", text)
    assert [json.loads(arguments) for _, arguments in reply.calls] == [expected]


def test_a_text_in_python_is_given_out_while_it_comes() -> None:
    splitter = ReplySplitter(layout_of("llama_pythonic"))
    given = [len(splitter.feed(piece)) for piece in ("[get_weather(city='", "Pa", "r", "is")]
    assert all(given)


@pytest.mark.parametrize("text", ["[1, 2, 3]", "[get_weather, get_time]", "[unknown(a=1)]", "[]"])
def test_a_list_is_content(text: str) -> None:
    assert read_any_way("llama_pythonic", text) == Reply(content=text)


@pytest.mark.parametrize(
    "text",
    [
        '```tool_code\nprint(get_weather(city="Rome"))\n```',
        '```tool_code\n[get_weather(city="Rome")]\n```',
        '```tool_code\nget_weather(city="Rome")\n```',
        '```tool_code\ndefault_api.get_weather(city="Rome")\n```',
    ],
)
def test_gemma_may_wrap_its_calls(text: str) -> None:
    assert read_any_way("gemma", text).calls == [("get_weather", '{"city": "Rome"}')]


def test_gemma_may_call_on_several_lines() -> None:
    text = '```tool_code\nget_weather(city="Rome")\nget_time()\n```'
    assert [name for name, _ in read_any_way("gemma", text).calls] == ["get_weather", "get_time"]


def test_a_call_of_harmony_is_whole_without_the_mark_that_ends_the_reply() -> None:
    reply = read_any_way("harmony", COMMENTARY + '{"city": "a<|end|>b"}')
    assert reply.calls == [("get_weather", '{"city": "a<|end|>b"}')]
    assert reply.ended == 1


@pytest.mark.parametrize("body", ['{"a": 1}', "text", '"{}"'])
def test_what_is_no_call_in_harmony_is_content_with_its_header(body: str) -> None:
    header = COMMENTARY.replace("get_weather", "rm_rf") if body[0] == "{" else COMMENTARY
    assert read_any_way("harmony", header + body) == Reply(content=header + body)


def test_a_text_that_says_that_it_is_one_is_no_number() -> None:
    text = (
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n'
        '<｜DSML｜parameter name="days" string="true">3</｜DSML｜parameter>\n'
        "</｜DSML｜invoke>\n</｜DSML｜function_calls>"
    )
    assert read_any_way("deepseek_dsml", text).calls == [("get_weather", '{"days": "3"}')]


GROWING = [
    ("hermes", OPEN + '{"name": "get_weather", "arguments": {"city": "', "abcd"),
    ("hermes", OPEN + '{"name": "get_weather", "arguments": {"x": [', "1, 2"),
    ("hermes", "", OPEN),
    ("hermes", "", OPEN + '{"arguments": {"a": "'),
    ("hermes", "", OPEN + '{"name": "'),
    ("hermes", "", OPEN + "[ "),
    ("hermes", "", CALL),
    ("hermes", "", "    "),
    ("hermes", "a", "\n\n\n\n"),
    ("hermes", "<think>", "\n\n\n\n"),
    ("hermes", "<think>", "</thi"),
    ("hermes", OPEN, " \n \n"),
    ("qwen_xml", QWEN + "<parameter=city>\n", "abcd"),
    ("qwen_xml", QWEN + "<parameter=near>\n", "abcd"),
    ("qwen_xml", QWEN, "\n\n\n\n"),
    ("qwen_xml", "", "<tool_call>\n<function="),
    ("llama_pythonic", "[get_weather(city='", "abcd"),
    ("llama3_json", "", "[[[["),
    ("harmony", "", "<|start|>"),
    ("harmony", "", "<|channel|>x"),
    ("harmony", COMMENTARY + '{"a": "', "abcd"),
    ("command_r7b", "", "<|START_RESPONSE|>"),
    ("deepseek_v3", "", "<｜tool▁call▁begin｜>"),
    ("mistral", "", "[TOOL_CALLS]"),
    ("gemma", "", "```tool_code\n"),
]


@pytest.mark.parametrize("piece_length", [4, 1_000_000])
@pytest.mark.parametrize(("name", "start", "unit"), GROWING)
def test_twice_the_text_is_about_twice_the_work(
    name: str, start: str, unit: str, piece_length: int, copied: list[int]
) -> None:
    short = _work(name, start + unit * (10_000 // len(unit)), piece_length, copied)
    long = _work(name, start + unit * (20_000 // len(unit)), piece_length, copied)
    assert long <= 2.3 * short + 2_000


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Counts the characters that are copied whenever new text comes."""
    counts: list[int] = []

    def push(source: Source, text: str) -> None:
        original(source, text)
        counts.append(len(source._buffer))

    original = Source.push
    monkeypatch.setattr(Source, "push", push)
    yield counts
    assert counts


def _work(name: str, text: str, piece_length: int, copied: list[int]) -> int:
    """Characters that were copied, and steps that were made."""
    copied.clear()
    steps = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal steps
        steps += event == "call"

    splitter = ReplySplitter(layout_of(name))
    sys.setprofile(count)
    try:
        for at in range(0, len(text), piece_length):
            splitter.feed(text[at : at + piece_length])
        splitter.finish()
    finally:
        sys.setprofile(None)
    return steps + sum(copied)


def test_a_reply_of_a_million_characters_is_read() -> None:
    city = "ab<\\n</tool_call>" * 60_000
    text = weather(f'{{"city": "{city}"}}')
    pieces = [text[at : at + 16] for at in range(0, len(text), 16)]
    reply = read(layout_of("hermes"), pieces)
    assert reply.calls == [("get_weather", f'{{"city": "{city}"}}')]
