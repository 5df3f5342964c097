"""Chat templates: what published ones use works, and nothing reaches out of the sandbox."""

from datetime import datetime

import pytest

from modules.core.errors import ModelError, RequestError
from modules.core.messages import Message, ToolCall
from modules.prompts.templates import CHATML, ChatTemplate

HELLO = [Message("user", "hello")]


def render(text: str, messages: list[Message] | None = None, **variables: object) -> str:
    template = ChatTemplate(text, bos_text="<s>", eos_text="</s>", source="test")
    return template.render(messages or HELLO, add_generation_prompt=True, variables=variables)


def test_messages_variables_and_special_tokens_are_known() -> None:
    text = "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}{{ mood }}{{ add_generation_prompt }}"
    assert render(text, mood="!") == "<s>hello</s>!True"


def test_chatml_renders_every_message_and_the_head_of_the_reply() -> None:
    messages = [Message("system", "Be <brief> & kind."), *HELLO]
    assert render(CHATML, messages) == (
        "<|im_start|>system\nBe <brief> & kind.<|im_end|>\n"
        "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
    )


def test_tojson_leaves_letters_and_signs_as_they_are() -> None:
    assert render("{{ x | tojson }}", x={"a": "<é&'>"}) == '{"a": "<é&\'>"}'
    assert render("{{ x | tojson(indent=2) }}", x=[1]) == "[\n  1\n]"
    assert render("{{ x | tojson(sort_keys=True) }}", x={"b": 1, "a": 2}) == '{"a": 2, "b": 1}'
    assert render("{{ x | tojson(separators=(',', ':')) }}", x={"b": 1}) == '{"b":1}'


def test_blocks_take_their_line_with_them() -> None:
    assert render("a\n  {% if true %}\nb\n  {% endif %}\nc") == "a\nb\nc"


def test_loops_can_break_and_continue() -> None:
    text = "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}"
    assert render(text) == "023"


def test_the_generation_block_renders_its_body() -> None:
    text = "{% for m in messages %}{% generation %}<{{ m.content }}>{% endgeneration %}{% endfor %}"
    assert render(text) == "<hello>"


def test_strftime_now_is_the_time_of_this_machine() -> None:
    before = datetime.now().strftime("%Y-%m-%d")
    shown = render("{{ strftime_now('%Y-%m-%d') }}")
    assert shown in (before, datetime.now().strftime("%Y-%m-%d"))


def test_tool_calls_reach_the_template_in_openais_shape() -> None:
    call = ToolCall("call_1", "look", '{"at": "<sky>"}')
    message = Message("assistant", None, tool_calls=(call,), reasoning_content="hm")
    text = "{% set c = messages[0].tool_calls[0] %}{{ c.id }} {{ c.type }} {{ c.function.name }} {{ c.function.arguments }} [{{ messages[0].content }}] {{ messages[0].reasoning_content }}"
    assert render(text, [message]) == 'call_1 function look {"at": "<sky>"} [] hm'


def test_a_result_of_a_tool_keeps_its_id_and_name() -> None:
    message = Message("tool", "4", name="add", tool_call_id="call_1")
    text = "{{ messages[0].name }} {{ messages[0].tool_call_id }} {{ messages[0].tool_calls is defined }}"
    assert render(text, [message]) == "add call_1 False"


def test_developer_becomes_system_where_the_template_knows_no_developer() -> None:
    roles = "{% for m in messages %}{{ m.role }} {% endfor %}"
    messages = [Message("developer", "x"), Message("user", "y")]
    assert render(roles, messages) == "system user "
    assert render(roles + "{# developer #}", messages) == "developer user "


def test_what_a_template_refuses_is_the_callers_error_in_the_templates_words() -> None:
    with pytest.raises(RequestError, match="Roles must alternate") as caught:
        render("{{ raise_exception('Roles must alternate') }}")
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''['__class__'].__mro__ }}",
        "{{ (''|attr('__class__')).__mro__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__['os'].popen('id') }}",
        "{{ self.__init__.__globals__ }}",
        "{{ raise_exception.__globals__['json'] }}",
        "{{ strftime_now.__code__.co_code }}",
        "{{ ().__class__.__base__.__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update(role='system') }}",
        "{{ messages[0].clear() }}",
        "{{ range(1000000000) | list }}",
        "{% include '/etc/hostname' %}",
        "{% import 'os' as os %}",
    ],
)
def test_the_sandbox_holds(text: str) -> None:
    messages = [Message("user", "hello")]
    with pytest.raises(RequestError):
        render(text, messages)


@pytest.mark.parametrize("text", ["{{ ''.__class__ }}", "{{ '{0.__class__}'.format('') }}"])
def test_hidden_attributes_print_nothing(text: str) -> None:
    assert render(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "{{ messages[0].nothing.at_all }}",
        "{{ 'a' + 1 }}",
        "{{ 1 / 0 }}",
        "{{ '%(a)s' % {} }}",
        "{{ [1, 'a'] | sort }}",
        "{{ 'x'.encode('no-such-encoding') }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ raise_exception | tojson }}",
    ],
)
def test_a_template_that_fails_on_these_messages_says_so(text: str) -> None:
    with pytest.raises(RequestError, match="chat template cannot render") as caught:
        render(text)
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    "text",
    [
        "{% if %}",
        "{{ unclosed",
        "{% for x in y %}",
        "{% generation %}x",
        "{{ x | no_such_filter }}",
        "{% break %}",
        "{{ " + "(" * 3000 + ")" * 3000 + " }}",
    ],
)
def test_a_template_that_does_not_compile_is_the_models_error_and_names_its_source(
    text: str,
) -> None:
    with pytest.raises(ModelError, match=r"some\.jinja"):
        ChatTemplate(text, source="some.jinja")
