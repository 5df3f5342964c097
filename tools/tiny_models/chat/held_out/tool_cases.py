"""Cases with tools: the right call, two calls, no call, an answer from a result."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from tools.tiny_models.chat.conversations.conversation import Message, tool_message, user_message
from tools.tiny_models.chat.conversations.tool_case import ToolCase
from tools.tiny_models.chat.held_out import words
from tools.tiny_models.chat.held_out.case import Case, Check, has_all, random_code
from tools.tiny_models.chat.held_out.tools import (
    AIR_QUALITY,
    TIMER,
    WEATHER,
    known_tools,
    unknown_tools,
)

SMALL_TALK = [
    ("Hello!", "hello"),
    ("What is the capital of France?", "Paris"),
    ("What color is the sky?", "blue"),
    ("Thank you!", "welcome"),
]
RESULT_KEYS = words.words_of(
    "balance distance status rating owner altitude speed humidity result total"
)


def tool_cases(rng: Random) -> Iterator[Case]:
    for _ in range(5):
        yield from _call_cases(rng, known_tools, "tool call, in pool")
    for _ in range(2):
        yield from _call_cases(rng, unknown_tools, "tool call, out of pool")
    for i in range(10):
        yield _two_call_case(rng, i)
    for _ in range(12):
        yield _no_call_case(rng)
    for i in range(24):
        yield _result_case(rng, is_json=bool(i % 3))


def _call_cases(
    rng: Random, draw_tools: Callable[[Random], list[ToolCase]], task: str
) -> Iterator[Case]:
    """Each tool once, among up to three others."""
    for i, case in enumerate(draw_tools(rng)):
        others = [other.tool for j, other in enumerate(draw_tools(rng)) if j != i]
        count = rng.choice((0, 1, 2, 3))
        tools = [case.tool, *rng.sample(others, count)]
        rng.shuffle(tools)
        yield Case.ask(task, case.request, Check("call", [list(case.call)]), tools=tools)


def _two_call_case(rng: Random, i: int) -> Case:
    cities = rng.sample(words.CITIES if i % 2 else words.KNOWN_CITIES, 2)
    is_weather = i % 4 < 2
    case = known_tools(rng)[WEATHER] if is_weather else unknown_tools(rng)[AIR_QUALITY]
    thing = "weather" if is_weather else "air quality"
    return Case.ask(
        "parallel calls",
        f"What is the {thing} in {cities[0]} and in {cities[1]}?",
        Check("call", [[case.name, {"city": city}] for city in cities]),
        tools=[case.tool, known_tools(rng)[TIMER].tool],
    )


def _no_call_case(rng: Random) -> Case:
    tools = [case.tool for case in rng.sample(unknown_tools(rng), 2)]
    question, wanted = rng.choice(SMALL_TALK)
    return Case.ask("no tool needed", question, has_all(wanted), tools=tools)


def _result_case(rng: Random, is_json: bool) -> Case:
    """A tool was called and has answered with an object, or with a word and one value."""
    case = rng.choice(unknown_tools(rng))
    keys = rng.sample(RESULT_KEYS, rng.choice((1, 1, 2)))
    values = [_result_value(rng) for _ in keys]
    if is_json:
        result = json.dumps(dict(zip(keys, values, strict=True)))
    else:
        values = values[:1]
        result = f"{rng.choice(words.WORDS)} {values[0]}"
    return Case(
        "after tool result",
        [
            user_message(case.request),
            _call_message(case),
            tool_message(result) | {"tool_call_id": "c1"},
        ],
        has_all(*map(str, values)),
        tools=[case.tool],
    )


def _result_value(rng: Random) -> Any:
    number, word = rng.randint(2, 9999), rng.choice(words.WORDS)
    return rng.choice([number, word, rng.choice(words.NAMES), random_code(rng)])


def _call_message(case: ToolCase) -> Message:
    """As a server returns it, with an id."""
    function = {"name": case.name, "arguments": case.arguments}
    call = {"id": "c1", "type": "function", "function": function}
    return {"role": "assistant", "content": "", "tool_calls": [call]}
