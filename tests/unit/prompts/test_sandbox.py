"""Templates that came with a request: bounded in time and memory, and away from this machine."""

import gc
import threading
from pathlib import Path

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
    "{{ 'x'.center(10**10) }}",
    "{{ '%10000000000d' % 1 }}",
    "{{ '{:>10000000000}'.format(1) }}",
    "{{ messages | tojson(indent=10**10) }}",
    "{{ lipsum(n=10**9) }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
    "{% set ns = namespace(l='ab') %}{% for i in range(40) %}{% set ns.l = ns.l.replace('b', ns.l) %}{% endfor %}{{ ns.l | length }}",
    "{% for i in range(99999) %}{{ 'aaaaaaaaaa' * 1000 }}{% endfor %}",
    "{{ " + "-" * 100_000 + "1 }}",
    "{{ " + "[" * 100_000 + " }}",
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


def test_one_that_takes_too_long_is_of_no_use_any_more_and_the_next_is() -> None:
    text = "{% if messages[0].content == 'x' %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{% endif %}fine"
    template = ChatTemplate(text, source="test", is_trusted=False)
    assert template.render([Message("user", "y")], add_generation_prompt=True) == "fine"
    with pytest.raises(RequestError, match="too much time"):
        template.render([Message("user", "x")], add_generation_prompt=True)
    assert not template.is_usable
    with pytest.raises(RequestError, match="too much time"):
        template.render([Message("user", "y")], add_generation_prompt=True)
    again = ChatTemplate(text, source="test", is_trusted=False)
    assert again.render([Message("user", "y")], add_generation_prompt=True) == "fine"


def test_its_process_ends_with_the_template() -> None:
    template = ChatTemplate("x", source="test", is_trusted=False)
    process = template._template._process
    assert process.poll() is None
    del template
    gc.collect()
    assert process.poll() is not None


def test_threads_share_a_template() -> None:
    template = ChatTemplate("{{ messages[0].content }}", source="test", is_trusted=False)
    texts: list[str] = []

    def render(text: str) -> None:
        texts.append(template.render([Message("user", text)], add_generation_prompt=True))

    threads = [threading.Thread(target=render, args=(str(i) * 1000,)) for i in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(texts) == sorted(str(i) * 1000 for i in range(9))


def test_a_template_of_a_request_is_given_any_text_there_is() -> None:
    template = ChatTemplate("{{ messages[0].content }}", source="test", is_trusted=False)
    for text in ("\n\r\u2028\u0000 é 😀", "x" * 3_000_000):
        assert template.render([Message("user", text)], add_generation_prompt=True) == text


def test_a_long_complaint_is_cut() -> None:
    template = ChatTemplate("{{ raise_exception('x' * 100000) }}", source="test", is_trusted=False)
    with pytest.raises(RequestError) as caught:
        template.render([Message("user", "x")], add_generation_prompt=True)
    assert len(caught.value.message) < 2000


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_its_process_sees_no_keys_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENEDAI_API_KEY", "secret")
    template = ChatTemplate("x", source="test", is_trusted=False)
    process = template._template._process
    assert b"secret" not in Path(f"/proc/{process.pid}/environ").read_bytes()
