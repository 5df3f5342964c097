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


MISTRAL = """{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace(index=0) %}
{%- for message in loop_messages %}
    {%- if message["role"] not in ["tool", "tool_results"] and not message.get("tool_calls") %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("conversation roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools and message == user_messages[-1] %}
            {{- "[AVAILABLE_TOOLS] " + (tools | tojson) + "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message.get("tool_calls") %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {{- (tool_call.function | tojson)[:-1] }}
            {%- if tool_call.id | length != 9 %}
                {{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}{{- "," if not loop.last else "]" + eos_token }}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"] | trim + eos_token }}
    {%- elif message["role"] == "tool" %}
        {%- if message.tool_call_id | length != 9 %}
            {{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}
        {%- endif %}
        {{- '[TOOL_RESULTS] {"content": ' + message.content + ', "call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported!") }}
    {%- endif %}
{%- endfor %}"""
"""The checks of Mistral 7B Instruct v0.3 (Apache 2.0); the system's text stands with the last question."""

LLAMA = """{%- for message in messages %}
{%- if not (message.role == 'tool' or 'tool_calls' in message) %}<{{ message.role }}>{{ message.content }}</>
{%- elif 'tool_calls' in message %}
    {%- if not message.tool_calls | length == 1 %}{{- raise_exception("This model only supports single tool-calls at once!") }}{%- endif %}
    {%- set call = message.tool_calls[0].function %}<call>{"name": "{{ call.name }}", "parameters": {{ call.arguments | tojson }}}</>
{%- else %}<result>{{ message.content | tojson }}</>
{%- endif %}
{%- endfor %}{% for t in tools or [] %}{{ t | tojson }}{% endfor %}"""
"""How Llama 3.1 goes about calls."""

GPT_OSS = """{%- for message in messages %}
{%- if message.tool_calls %}
    {%- if message.content and message.thinking %}{{- raise_exception("Cannot pass both content and thinking in an assistant message with tool calls!") }}{%- endif %}
    {{- "<analysis>" + (message.content or message.thinking or "") + "<call>" + message.tool_calls[0].function.name + message.tool_calls[0].function.arguments | tojson }}
{%- elif message.role == "tool" %}{{ "<result>" + message.content }}
{%- else %}{{ "<" + message.role + ">" + message.content }}
{%- endif %}
{%- endfor %}"""
"""How gpt-oss goes about thinking before calls."""

ITEMS = "{% for m in messages %}[{{ m.content }}]{% for c in m.tool_calls or [] %}{{ c.function.name }}({% for k, v in c.function.arguments.items() %}{{ k }}={{ v }}{% endfor %}){% endfor %}{% endfor %}"
"""How GLM, Qwen3-Coder and others write arguments."""


def calling(*arguments: str, text: str | None = None, thinking: str | None = None) -> Message:
    calls = tuple(ToolCall(f"call_{i}_with_a_long_id", "f", a) for i, a in enumerate(arguments))
    return Message("assistant", text, tool_calls=calls, reasoning_content=thinking)


def result(index: int, text: str) -> Message:
    return Message("tool", text, tool_call_id=f"call_{index}_with_a_long_id")


def test_a_system_text_at_another_place_is_no_change() -> None:
    assert rendered(MISTRAL, SYSTEM, USER, REPLY, MORE) == "[INST] U[/INST] A[INST] S\n\nV[/INST]"


def test_ids_of_calls_are_shortened_where_they_must() -> None:
    prompt = rendered(
        MISTRAL, USER, calling('{"a": 1}', '{"a": 2}'), result(0, "R"), result(1, "Q")
    )
    assert prompt == (
        '[INST] U[/INST][TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}, "id": "000000001"},'
        '{"name": "f", "arguments": {"a": 2}, "id": "000000002"}]'
        '[TOOL_RESULTS] {"content": R, "call_id": "000000001"}[/TOOL_RESULTS]'
        '[TOOL_RESULTS] {"content": Q, "call_id": "000000002"}[/TOOL_RESULTS]'
    )


def test_calls_stay_calls_though_the_text_beside_them_has_no_place() -> None:
    prompt = rendered(MISTRAL, USER, calling("{}", text="Let me see."), result(0, "R"), REPLY)
    assert "[TOOL_CALLS]" in prompt
    assert "[TOOL_RESULTS]" in prompt


def test_parallel_calls_go_one_by_one_where_they_must() -> None:
    prompt = rendered(
        LLAMA, USER, calling('{"a": 1}', '{"a": 2}', text="T"), result(0, "R"), result(1, "Q")
    )
    assert prompt == (
        '<user>U</><assistant>T</><call>{"name": "f", "parameters": {"a": 1}}</><result>"R"</>'
        '<call>{"name": "f", "parameters": {"a": 2}}</><result>"Q"</>'
    )


def test_thinking_before_calls_is_kept_beside_text() -> None:
    prompt = rendered(GPT_OSS, USER, calling("{}", text="T", thinking="H"), result(0, "R"))
    assert prompt == "<user>U<assistant>T<analysis>H<call>f{}<result>R"
    plain = rendered(GPT_OSS, USER, calling("{}", thinking="H"), result(0, "R"))
    assert plain == "<user>U<analysis>H<call>f{}<result>R"


def test_broken_arguments_are_told_as_text_where_an_object_is_needed() -> None:
    assert "a=1" in rendered(ITEMS, USER, calling('{"a": 1}'), result(0, "R"))
    prompt = rendered(ITEMS, USER, calling("{broken"), result(0, "R"))
    assert "{broken" in prompt
    assert "R" in prompt


def test_thinking_goes_into_the_content_only_for_templates_that_look_for_it_there() -> None:
    knows = "{% for m in messages %}{% if m.role == 'assistant' and not loop.last %}{{ m.content.split('</think>')[-1] | trim }}{% else %}{{ m.content }}{% endif %};{% endfor %}"
    thought = Message("assistant", "A", reasoning_content="T")
    assert rendered(knows, USER, thought, MORE) == "U;A;V;"
    assert rendered(knows, USER, thought) == "U;<think>\nT\n</think>\n\nA;"
    assert "T" not in rendered(CHATML.replace("im_", "jm_"), USER, thought, MORE)


def test_the_same_short_text_that_stands_elsewhere_does_not_hide_a_loss() -> None:
    """ "U" is in the prompt already: only where it stands tells that the last message was left out."""
    prompt = rendered(FIRST_SYSTEM_ONLY, SYSTEM, USER, REPLY, Message("system", "U"))
    assert prompt == "<s>S</s><u>U</u><a>A</a><u>U</u>"


def test_a_continued_reply_survives_adaptation() -> None:
    template = ChatTemplate(STRICT, source="test")
    messages = [SYSTEM, USER, MORE, Message("assistant", "Once ")]
    prompt = render_chat(template, messages, continues_last=True)
    assert prompt.text == "<s>S</s><u>U\n\nV</u><a>Once "


@pytest.mark.parametrize("content", [None, ""])
def test_a_message_that_only_calls_has_no_content_where_the_template_asks(
    content: str | None,
) -> None:
    asks = "{% for m in messages %}{% for c in m.tool_calls or [] %}<call>{{ c.function.name }}{{ '' + c.function.arguments }}</>{% endfor %}{% if m.content is not none %}<{{ m.role }}>{{ m.content }}</>{% endif %}{% endfor %}"
    messages = USER, calling('{"a": 1}', text=content), result(0, "R")
    assert rendered(asks, *messages) == '<user>U</><call>f{"a": 1}</><tool>R</>'
    adds = asks.replace("m.content is not none", "true").replace(
        "{{ m.content }}", "{{ '' + m.content }}"
    )
    assert rendered(adds, *messages) == '<user>U</><call>f{"a": 1}</><assistant></><tool>R</>'
    prints = asks.replace("m.content is not none", "true")
    assert rendered(prints, *messages) == '<user>U</><call>f{"a": 1}</><assistant></><tool>R</>'
