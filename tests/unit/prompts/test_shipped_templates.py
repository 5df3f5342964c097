"""The instruction templates that ship: exact texts, and that they work with the parts around them.

The golden files were written by hand from what each family publishes; the sources stand at the head of each template.
"""

import ctypes
import json
from dataclasses import replace
from typing import Any

import pytest

from modules.core.messages import Message, ToolCall
from modules.core.tools import Tool
from modules.prompts.chat import render_chat
from modules.prompts.layouts import detect_layout
from tests.unit.prompts import shipped
from tests.unit.prompts.shipped import (
    ANSWER,
    NEXT_QUESTION,
    QUESTION,
    RESULT,
    SYSTEM,
    TOOL,
    WITH_TOOLS,
    call,
    calling,
    render,
)
from tests.unit.text.replies import read

NAMES = shipped.names()
XML = ("GLM-4.5", "Llama-v4", "MiniMax-M2", "Qwen3-Coder")
"""Arguments are written one by one, so JSON text cannot be shown in the family's own way."""

BUILT_INTO_LLAMA_CPP = {
    "ChatML": "chatml",
    "Command-R": "command-r",
    "Gemma": "gemma",
    "Granite-3": "granite",
    "Kimi-K2": "kimi-k2",
    "Llama-v3": "llama3",
    "Llama-v4": "llama4",
    "Mistral": "mistral-v7-tekken",
    "OpenChat": "openchat",
    "Phi-3": "phi3",
    "Phi-4": "phi4",
    "RWKV-World": "rwkv-world",
}
TOOLS = (
    Tool(
        "get_weather",
        "Tells the weather.",
        '{"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}',
    ),
)
CHAT = [
    Message("system", "Be brief."),
    Message("user", "What is the weather in Paris?"),
    Message(
        "assistant",
        "I will look.",
        tool_calls=(
            ToolCall("call_a1b2c3d4e", "get_weather", '{"city": "Paris"}'),
            ToolCall("call_f1b2c3d4e", "get_weather", '{"city": "Lyon"}'),
        ),
    ),
    Message("tool", "22 degrees", tool_call_id="call_a1b2c3d4e"),
    Message("tool", "19 degrees", tool_call_id="call_f1b2c3d4e"),
    Message("assistant", "It is warm."),
    Message("user", "And in Rome?"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_conversation_is_rendered_exactly_as_published(name: str) -> None:
    assert render(name, shipped.conversation(name)) == shipped.golden(name)


@pytest.mark.parametrize("name", sorted(set(WITH_TOOLS) - set(XML)))
def test_arguments_may_come_as_json_text(name: str) -> None:
    text = render(name, shipped.conversation(name, shipped.json_arguments()))
    assert text == shipped.golden(name)


@pytest.mark.parametrize("name", XML)
@pytest.mark.parametrize("text", [shipped.json_arguments(), "not { json"])
def test_arguments_that_are_only_text_are_shown_as_they_are(name: str, text: str) -> None:
    assert text in render(name, shipped.conversation(name, text))


@pytest.mark.parametrize(("name", "built_in"), BUILT_INTO_LLAMA_CPP.items())
def test_a_plain_chat_is_rendered_as_llama_cpp_does(name: str, built_in: str) -> None:
    messages = [SYSTEM, QUESTION, ANSWER, NEXT_QUESTION]
    rendered = shipped.template(name, bos="", eos="</s>").render_fields(
        messages, add_generation_prompt=True
    )
    assert rendered == render_built_in(built_in, messages)


def render_built_in(name: str, messages: list[Any]) -> str:
    """The templates that llama.cpp has in C++, written by others from the same publications."""
    import llama_cpp

    entries = [
        llama_cpp.llama_chat_message(role=each["role"].encode(), content=each["content"].encode())
        for each in messages
    ]
    array = (llama_cpp.llama_chat_message * len(entries))(*entries)
    buffer = ctypes.create_string_buffer(10_000)
    size = llama_cpp.llama_chat_apply_template(
        name.encode(), array, len(entries), True, buffer, len(buffer)
    )
    assert size > 0
    return buffer.raw[:size].decode()


@pytest.mark.parametrize("name", NAMES)
def test_families_without_tools_leave_them_to_the_host(name: str) -> None:
    abilities = shipped.template(name).abilities
    assert abilities.shows_tools == (name in WITH_TOOLS)
    assert abilities.shows_calls == (name in WITH_TOOLS)
    assert abilities.shows_system
    assert not abilities.has_text_arguments
    assert not abilities.has_typed_content


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_conversation_is_lost(name: str) -> None:
    text = render_chat(shipped.template(name), CHAT, tools=TOOLS).text
    said = (
        "I will look.",
        "Paris",
        "Lyon",
        "22 degrees",
        "19 degrees",
        "It is warm.",
        "And in Rome?",
    )
    places = [text.find(each) for each in said]
    assert -1 not in places
    assert places[3:] == sorted(places[3:])
    assert "Be brief." in text
    assert "Tells the weather." in text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", [1, 2, 3, 4])
def test_a_later_system_message_is_shown(name: str, place: int) -> None:
    messages = [SYSTEM, QUESTION, ANSWER, NEXT_QUESTION]
    messages.insert(place, {"role": "system", "content": "The sky is green."})
    text = render(name, messages)
    assert "The sky is green." in text
    assert "Be brief." in text


@pytest.mark.parametrize("name", NAMES)
def test_a_chat_may_begin_with_the_assistant_or_have_no_question(name: str) -> None:
    assert "It is warm." in render(name, [ANSWER, NEXT_QUESTION])
    assert "Be brief." in render(name, [SYSTEM])


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_can_be_gone_on_from(name: str) -> None:
    messages = [Message("user", "Hi"), Message("assistant", "It is")]
    prompt = render_chat(shipped.template(name), messages, continues_last=True).text
    assert prompt.endswith("It is")


@pytest.mark.parametrize(("name", "tool_format"), WITH_TOOLS.items())
def test_the_format_of_the_calls_is_told_from_the_template(name: str, tool_format: str) -> None:
    template = shipped.template(name)
    assert detect_layout(template, tools=TOOLS, prompt_text="").tool_format == tool_format


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(WITH_TOOLS)))
def test_other_families_are_asked_for_the_generic_format(name: str) -> None:
    layout = detect_layout(shipped.template(name), tools=TOOLS, prompt_text="")
    assert layout.tool_format == "generic"


@pytest.mark.parametrize("name", WITH_TOOLS)
@pytest.mark.parametrize("count", [1, 2])
def test_calls_in_the_history_read_back_as_those_calls(name: str, count: int) -> None:
    """What the model sees of earlier calls is what it is expected to write."""
    asked = [call({"city": "Paris", "days": 2}), call({"city": "Lyon"}, "call_f1b2c3d4e")][:count]
    before = render(name, [SYSTEM, QUESTION])
    after = render(name, [SYSTEM, QUESTION, calling(*asked), RESULT])
    reply = after_the_beginning_of(after, before)
    layout = detect_layout(shipped.template(name), tools=TOOLS, prompt_text="")
    found = read(replace(layout, starts_in_reasoning=False), [reply])
    assert [each for each, _ in found.calls] == ["get_weather"] * count
    assert [json.loads(each) for _, each in found.calls] == [
        {"city": "Paris", "days": 2},
        {"city": "Lyon"},
    ][:count]


def after_the_beginning_of(text: str, other: str) -> str:
    """`text` from where it differs from `other`."""
    count = next(
        (index for index, (one, two) in enumerate(zip(text, other, strict=False)) if one != two),
        len(other),
    )
    return text[count:]


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("gpt-oss", "<|start|>functions.get_time to=", "<|start|>functions.get_weather to="),
        (
            "Kimi-K2",
            "## Return of functions.get_time:0\n",
            "## Return of functions.get_weather:1\n",
        ),
        ("Mistral", "[TOOL_RESULTS]11aaaaaaa", "[TOOL_RESULTS]22bbbbbbb"),
        ("Mistral-v3", '"call_id": "11aaaaaaa"', '"call_id": "22bbbbbbb"'),
    ],
)
def test_each_result_is_given_to_its_call(name: str, first: str, second: str) -> None:
    calls = [
        {"id": given, "type": "function", "function": {"name": function, "arguments": {}}}
        for given, function in (("call_11aaaaaaa", "get_time"), ("call_22bbbbbbb", "get_weather"))
    ]
    results = [
        {"role": "tool", "content": each["id"], "tool_call_id": each["id"]} for each in calls
    ]
    in_order = render(name, [QUESTION, calling(*calls), *results])
    assert in_order.index(first) < in_order.index(second)
    reversed_order = render(name, [QUESTION, calling(*calls), *results[::-1]])
    assert reversed_order.index(second) < reversed_order.index(first)


def test_ids_of_the_familys_own_form_are_kept() -> None:
    step = calling(call(id="functions.get_weather:7"))
    text = render(
        "Kimi-K2", [QUESTION, step, {**RESULT, "tool_call_id": "functions.get_weather:7"}]
    )
    assert text.count("functions.get_weather:7") == 2


@pytest.mark.parametrize(
    ("name", "enable_thinking", "end"),
    [
        ("Qwen3", None, "<|im_start|>assistant\n"),
        ("Qwen3", True, "<|im_start|>assistant\n"),
        ("Qwen3", False, "<|im_start|>assistant\n<think>\n\n</think>\n\n"),
        ("GLM-4.5", True, "And in Rome?<|assistant|>"),
        ("GLM-4.5", False, "And in Rome?/nothink<|assistant|>\n<think></think>"),
        ("DeepSeek-R1", None, "<｜Assistant｜><think>\n"),
        ("DeepSeek-R1", False, "<｜Assistant｜><think>\n\n</think>\n\n"),
        ("DeepSeek-V3.1", None, "<｜Assistant｜></think>"),
        ("DeepSeek-V3.1", True, "<｜Assistant｜><think>"),
        ("RWKV-World", True, "Assistant: <think>"),
        ("RWKV-World", False, "Assistant: <think>\n</think>"),
    ],
)
def test_thinking_is_switched_as_published(
    name: str, enable_thinking: bool | None, end: str
) -> None:
    variables = {} if enable_thinking is None else {"enable_thinking": enable_thinking}
    assert render(name, shipped.conversation(name), **variables).endswith(end)


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
def test_gpt_oss_is_told_how_much_to_think(effort: str) -> None:
    text = render("gpt-oss", [QUESTION], reasoning_effort=effort)
    assert f"\n\nReasoning: {effort}\n\n# Valid channels" in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Qwen3", "<think>\nI must look.\n</think>\n\n<tool_call>"),
        ("GLM-4.5", "<think>I must look.</think>\n<tool_call>"),
        ("MiniMax-M2", "<think>\nI must look.\n</think>\n\n\n<minimax:tool_call>"),
        ("Kimi-K2", "<think>I must look.</think><|tool_calls_section_begin|>"),
        (
            "gpt-oss",
            "<|start|>assistant<|channel|>analysis<|message|>I must look.<|end|>"
            "<|start|>assistant<|channel|>commentary to=",
        ),
    ],
)
def test_thinking_stays_while_calls_are_made_and_goes_with_the_next_question(
    name: str, shown: str
) -> None:
    step = calling(call(), reasoning_content="I must look.")
    assert shown in render(name, [QUESTION, step, RESULT])
    assert "I must look." not in render(name, [QUESTION, step, RESULT, ANSWER, NEXT_QUESTION])


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("Alpaca", "Below is an instruction"),
        ("Vicuna-v1.1", "A chat between a curious user"),
        ("Airoboros", "A chat.\n"),
        ("StarChat", "<|system|>\n<|end|>\n"),
        ("Qwen2.5", "<|im_start|>system\nYou are Qwen"),
        ("Kimi-K2", "<|im_system|>tool_declare"),
        ("Granite-3", "<|start_of_role|>system<|end_of_role|>Knowledge Cutoff Date: April 2024. Today's Date: 01 May 2025."),
    ],
)  # fmt: skip
def test_what_a_model_is_told_without_a_system_message(name: str, standard: str) -> None:
    assert render(name, [QUESTION]).startswith(standard)
    assert standard not in render(name, [SYSTEM, QUESTION])[10:]


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"type": "string", "enum": ["a", "b"]}, 'x?: "a" | "b",'),
        ({"type": "array", "items": {"type": "number"}}, "x?: number[],"),
        ({"type": ["string", "null"]}, "x?: string | null,"),
        ({"anyOf": [{"type": "boolean"}, {"type": "object"}]}, "x?: boolean | object,"),
        ({"type": "integer", "default": 3}, "x?: number, // default: 3"),
        (
            {"type": "object", "properties": {"y": {"type": "string"}}, "required": ["y"]},
            "x?: {\ny: string,\n},",
        ),
        (True, "x?: any,"),
        ({}, "x?: any,"),
    ],
)
def test_gpt_oss_is_shown_schemas_as_types(schema: Any, shown: str) -> None:
    parameters = {"type": "object", "properties": {"x": schema}}
    function = {"name": "f", "description": "two\nlines", "parameters": parameters}
    text = shipped.template("gpt-oss").render_fields(
        [QUESTION], tools=[{"type": "function", "function": function}]
    )
    assert f"// two\n// lines\ntype f = (_: {{\n{shown}\n}}) => any;" in text


@pytest.mark.parametrize("name", WITH_TOOLS)
@pytest.mark.parametrize("parameters", [{}, {"type": "object"}, {"properties": {"a": True}}])
def test_tools_with_hardly_any_schema_are_shown(name: str, parameters: Any) -> None:
    tool = {"type": "function", "function": {**TOOL["function"], "parameters": parameters}}
    text = shipped.template(name).render_fields([QUESTION], tools=[tool])
    assert "get_weather" in text
