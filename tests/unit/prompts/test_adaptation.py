"""Conversations that a template does not take as they are: changed as little as does, and nothing is lost."""

import json

import pytest

from modules.core.errors import RequestError
from modules.core.messages import Message, ToolCall
from modules.core.tools import Tool
from modules.prompts.chat import render_chat
from modules.prompts.templates import CHATML, ChatTemplate

STRICT = """{%- if messages[0].role == 'system' -%}{%- set rest = messages[1:] -%}<s>{{ messages[0].content }}</s>
{%- else -%}{%- set rest = messages -%}{%- endif -%}
{%- for m in rest -%}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) -%}{{ raise_exception('Roles must alternate user/assistant') }}{%- endif -%}
<{{ m.role[0] }}>{{ m.content }}</{{ m.role[0] }}>
{%- endfor -%}"""
NO_SYSTEM = STRICT.replace(
    "{%- if messages[0].role == 'system' -%}",
    "{%- if messages[0].role == 'system' -%}{{ raise_exception('System role not supported') }}",
)
FIRST_SYSTEM_ONLY = "{% for m in messages %}{% if m.role == 'system' and loop.first %}<s>{{ m.content }}</s>{% elif m.role != 'system' %}<{{ m.role[0] }}>{{ m.content }}</{{ m.role[0] }}>{% endif %}{% endfor %}"
OBJECT_ARGUMENTS = "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.name }}={{ c.function.arguments | tojson }};{% endfor %}[{{ m.content }}]{% endfor %}"
TEXT_ARGUMENTS = "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.name }}={{ '' + c.function.arguments }};{% endfor %}[{{ m.content }}]{% endfor %}"
TYPED = "{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}|{% endfor %}"

SYSTEM, USER, REPLY, MORE = (
    Message("system", "S"),
    Message("user", "U"),
    Message("assistant", "A"),
    Message("user", "V"),
)


def rendered(text: str, *messages: Message, tools=()) -> str:
    return render_chat(ChatTemplate(text, source="test"), messages, tools=tools).text


@pytest.mark.parametrize("text", [CHATML, STRICT, NO_SYSTEM, FIRST_SYSTEM_ONLY])
@pytest.mark.parametrize(
    "messages",
    [
        (USER,),
        (SYSTEM, USER),
        (SYSTEM, Message("system", "T"), USER),
        (SYSTEM, USER, REPLY, Message("system", "T"), MORE),
        (USER, REPLY, MORE, Message("system", "T")),
        (USER, MORE),
        (REPLY, USER),
        (SYSTEM, REPLY, USER),
        (SYSTEM,),
        (Message("developer", "S"), USER),
    ],
)
def test_nothing_is_lost(text: str, messages: tuple[Message, ...]) -> None:
    prompt = rendered(text, *messages)
    for message in messages:
        assert message.text in prompt


def test_what_a_template_takes_is_not_changed() -> None:
    assert rendered(STRICT, SYSTEM, USER, REPLY, MORE) == "<s>S</s><u>U</u><a>A</a><u>V</u>"


def test_without_system_support_its_text_is_in_front_of_the_user() -> None:
    assert rendered(NO_SYSTEM, SYSTEM, USER) == "<u>S\n\nU</u>"


def test_a_late_system_message_is_said_by_the_user() -> None:
    late = rendered(FIRST_SYSTEM_ONLY, SYSTEM, USER, REPLY, Message("system", "T"))
    assert late == "<s>S</s><u>U</u><a>A</a><u>T</u>"


def test_neighbours_are_joined_only_where_they_must() -> None:
    assert rendered(STRICT, USER, MORE) == "<u>U\n\nV</u>"
    assert rendered(CHATML, USER, MORE).count("<|im_start|>user") == 2


def test_a_refusal_that_nothing_helps_is_told_in_the_templates_words() -> None:
    with pytest.raises(RequestError, match="never"):
        rendered("{{ raise_exception('never') }}", USER)


@pytest.mark.parametrize("text", [OBJECT_ARGUMENTS, TEXT_ARGUMENTS])
def test_arguments_come_as_the_template_needs_them(text: str) -> None:
    call = Message("assistant", "", tool_calls=(ToolCall("1", "f", '{"a": "b"}'),))
    prompt = rendered(text, USER, call, Message("tool", "R", tool_call_id="1"))
    assert 'f={"a": "b"};' in prompt
    assert "[R]" in prompt


@pytest.mark.parametrize("text", [OBJECT_ARGUMENTS, TEXT_ARGUMENTS, CHATML])
def test_invalid_arguments_of_the_history_do_no_harm(text: str) -> None:
    call = Message("assistant", "", tool_calls=(ToolCall("1", "f", "{broken"),))
    assert "broken" in rendered(text, USER, call, Message("tool", "R", tool_call_id="1"))


def test_a_template_of_typed_content_gets_parts() -> None:
    assert rendered(TYPED, SYSTEM, USER) == "S|U|"


def test_tools_for_a_template_without_any() -> None:
    tool = Tool(
        "get_weather", "Weather", '{"type": "object", "properties": {"city": {"type": "string"}}}'
    )
    call = Message(
        "assistant", None, tool_calls=(ToolCall("1", "get_weather", '{"city": "Rome"}'),)
    )
    prompt = rendered(
        CHATML, SYSTEM, USER, call, Message("tool", "R", tool_call_id="1"), tools=[tool]
    )
    system = prompt.split("<|im_end|>")[0]
    assert "S\n\n" in system
    line = next(line for line in system.split("\n") if "get_weather" in line)
    assert json.loads(line)["parameters"]["properties"] == {"city": {"type": "string"}}
    assert (
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>'
        in prompt
    )
    assert "<|im_start|>user\n<tool_response>\nR\n</tool_response>" in prompt


def test_reasoning_reaches_templates_that_read_it() -> None:
    text = "{% for m in messages %}{{ m.reasoning_content or m.thinking }}/{{ m.content }};{% endfor %}"
    assert "T/A;" in rendered(text, USER, Message("assistant", "A", reasoning_content="T"), MORE)
