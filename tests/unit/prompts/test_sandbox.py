"""Templates that came with a request: bounded in time and memory, and away from this machine."""

import pytest

from modules.core.errors import ModelError, RequestError
from modules.core.messages import Message
from modules.prompts.templates import ChatTemplate

HOSTILE = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{{ 'a' * 10**10 }}",
    "{{ [1] * 10**10 }}",
    "{{ 9**9**9 }}",
    "{{ range(10**9) | list }}",
    "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{{ messages.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__ }}{{ self.__init__.__globals__ }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__ }}",
    "{{ undefined_thing.attribute }}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_template_is_an_error_or_harmless(text: str) -> None:
    try:
        template = ChatTemplate(text, source="test", is_trusted=False)
        prompt = template.render([Message("user", "x")], add_generation_prompt=True)
    except (ModelError, RequestError):
        return
    assert "root" not in prompt
    assert "class" not in prompt


def test_an_honest_template_is_not_in_the_way() -> None:
    template = ChatTemplate(
        "{% for m in messages %}{{ m.content * 2 }}{{ '%s' % 1 }}{% endfor %}",
        source="test",
        is_trusted=False,
    )
    assert template.render([Message("user", "x")], add_generation_prompt=True) == "xx1"


def test_variables_never_replace_the_messages() -> None:
    template = ChatTemplate(
        "{{ messages[0].content }}{{ add_generation_prompt }}{{ bos_token }}",
        bos_text="B",
        source="test",
    )
    variables = {"messages": [], "add_generation_prompt": "no", "bos_token": "X", "tools": 1}
    assert (
        template.render([Message("user", "x")], add_generation_prompt=True, variables=variables)
        == "xTrueB"
    )
