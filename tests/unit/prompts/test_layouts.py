"""Families, told from templates; the probing of what templates can do."""

from pathlib import Path

import pytest

from modules.core.tools import Tool
from modules.prompts.layouts import detect_format, detect_layout
from modules.prompts.templates import CHATML, ChatTemplate
from modules.settings import ROOT

TOOLS = (Tool("f"),)
CALLS = "{% for t in tools or [] %}{{ t.function.name }}{% endfor %}{% for m in messages %}{% for c in m.tool_calls or [] %}CALL{% endfor %}[{{ m.content }}]{% endfor %}"


def template(text: str) -> ChatTemplate:
    return ChatTemplate(text, source="test")


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("<tool_call>{{ c.function.arguments | tojson }}</tool_call>", "hermes"),
        ("<tool_call><function=x><parameter=y></tool_call>", "qwen_xml"),
        ("<tool_call>n<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>", "glm"),
        ("[TOOL_CALLS]x[ARGS]", "mistral"),
        ("[TOOL_CALLS] [", "mistral_list"),
        ("<｜tool▁calls▁begin｜>```json", "deepseek_v3"),
        ("<｜tool▁calls▁begin｜>", "deepseek_v31"),
        ("<|tool_calls_section_begin|>", "kimi"),
        ("<|im_system|>tool_declare", "kimi"),
        ("<|channel|>x<|message|>", "harmony"),
        ("<|START_ACTION|>", "command_r7b"),
        ("<minimax:tool_call>", "minimax_m2"),
        ("<|tool_call|>x<|/tool_call|>", "phi4_mini"),
        ("<|tool_call|>", "granite"),
        ('<|start_header_id|>{"parameters"', "llama3_json"),
        ("```tool_code", "gemma"),
    ],
)
def test_families_are_told_by_their_signs(call: str, name: str) -> None:
    assert detect_format(template(CALLS.replace("CALL", call))).name == name


def test_a_template_without_tools_is_asked_for_the_generic_format() -> None:
    layout = detect_layout(template(CHATML), tools=TOOLS, prompt_text="")
    assert layout.tool_format == "generic"


def test_without_tools_calls_are_not_looked_for() -> None:
    demo = (Path(ROOT) / "user_data/models/tiny-chat/chat_template.jinja").read_text("utf-8")
    layout = detect_layout(template(demo), tools=(), prompt_text="<|im_start|>assistant\n<think>\n")
    assert layout.tool_format is None
    assert layout.starts_in_reasoning


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("[THINK]", "[THINK]"),
        ("<seed:think>", "<seed:think>"),
        ("</think>", "<think>"),
        ("", "<think>"),
    ],
)
def test_thinking_marks_are_told_by_the_template(text: str, start: str) -> None:
    layout = detect_layout(template(text + CHATML), tools=(), prompt_text="")
    assert layout.reasoning is not None
    assert layout.reasoning.start == start
    assert not layout.starts_in_reasoning


def test_what_the_demo_template_can_do() -> None:
    demo = (Path(ROOT) / "user_data/models/tiny-chat/chat_template.jinja").read_text("utf-8")
    abilities = template(demo).abilities
    assert abilities.shows_system
    assert abilities.shows_tools
    assert abilities.shows_calls
    assert abilities.has_thinking_switch
    assert not abilities.has_effort
    assert not abilities.has_typed_content


def test_what_a_plain_template_cannot() -> None:
    abilities = template(CHATML).abilities
    assert abilities.shows_system
    assert not abilities.shows_tools
    assert not abilities.shows_calls
    assert not abilities.has_thinking_switch


@pytest.mark.parametrize(
    ("begun", "is_open"),
    [("<think>\nHm", True), ("<think>\nHm</think>\nSo", False), ("So", False), ("", False)],
)
def test_a_reply_may_go_on_inside_its_thinking(begun: str, is_open: bool) -> None:
    layout = detect_layout(template(CHATML), tools=(), prompt_text=f"x{begun}", begun=begun)
    assert layout.starts_in_reasoning is is_open
