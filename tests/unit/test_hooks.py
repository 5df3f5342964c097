"""Hooks: order, faults, what of a function is called, and extensions that are switched while running."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modules.context import AppContext
from modules.core.errors import ConfigError
from modules.engine.manager import ModelManager
from modules.extensions import disable_extension, enable_extension, hooks_in, start_extensions
from modules.hooks import SURFACE, Extension, Hooks, WrongAnswer
from modules.loaders.catalog import Catalog
from modules.media import build_media
from modules.settings import Settings

ADDS = "def input_modifier(text, state):\n    return text + '{word}'\n"


def text_of(answer: object, _before: object = None) -> str:
    if not isinstance(answer, str):
        raise WrongAnswer(f"it returned {type(answer).__name__}, not str")
    return answer


def add(hooks: Hooks, name: str, **functions: Callable[..., Any]) -> Extension:
    extension = Extension(name, functions=hooks_in(functions, name), is_enabled=True)
    hooks.add(extension)
    return extension


def fail(*values: object) -> Any:
    raise KeyError("what somebody said")


def test_each_gets_what_the_one_before_it_returned() -> None:
    hooks = Hooks()
    for word in "abc":
        add(hooks, word, input_modifier=lambda text, state, word=word: f"{text}{word}{state}")
    assert hooks.modify("input_modifier", "", 1, check=text_of) == "a1b1c1"


def test_nobody_changes_nothing() -> None:
    assert Hooks().modify("input_modifier", "text", check=text_of) == "text"
    assert Hooks().first("custom_generate_reply", check=text_of) is None


def test_the_first_answer_counts() -> None:
    hooks = Hooks()
    add(hooks, "declines", custom_generate_reply=lambda prompt, state: None)
    add(hooks, "fails", custom_generate_reply=fail)
    add(hooks, "answers", custom_generate_reply=lambda prompt, state: prompt * 2)
    add(hooks, "late", custom_generate_reply=fail)
    assert hooks.first("custom_generate_reply", "x", None, check=text_of) == "xx"
    assert [fault.extension for fault in hooks.faults] == ["fails"]


def test_one_that_raises_is_named_and_skipped(caplog: pytest.LogCaptureFixture) -> None:
    hooks = Hooks()
    add(hooks, "broken", input_modifier=fail)
    add(hooks, "works", input_modifier=lambda text, state: text.upper())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert hooks.modify("input_modifier", "secret", None, check=text_of) == "SECRET"
    [fault] = hooks.faults
    assert fault.text == "extension broken: hook input_modifier failed: KeyError"
    assert fault.count == 3
    assert "broken" in caplog.text
    assert "input_modifier" in caplog.text
    assert "secret" not in caplog.text
    assert "somebody said" not in caplog.text


@pytest.mark.parametrize("answer", [None, 5, b"text", ["text"]])
def test_a_wrong_kind_of_answer_is_a_fault(answer: object) -> None:
    hooks = Hooks()
    add(hooks, "odd", input_modifier=lambda text, state: answer)
    assert hooks.modify("input_modifier", "text", None, check=text_of) == "text"
    assert hooks.faults[0].error == f"TypeError: it returned {type(answer).__name__}, not str"


def test_the_last_fault_comes_first() -> None:
    hooks = Hooks()
    one, two = add(hooks, "one"), add(hooks, "two")
    for extension in (one, two, one):
        hooks.note(extension, "ui", ValueError())
    assert [(fault.extension, fault.count) for fault in hooks.faults] == [("one", 2), ("two", 1)]


@pytest.mark.parametrize(
    ("function", "seen"),
    [
        (lambda: (), ()),
        (lambda text: (text,), ("a",)),
        (lambda text, state: (text, state), ("a", "b")),
        (lambda text, state, is_chat=False: (text, state, is_chat), ("a", "b", False)),
        (lambda *values: values, ("a", "b")),
        (lambda text, *rest: (text, rest), ("a", ("b",))),
        (lambda text, *, shown=1: (text, shown), ("a", 1)),
    ],
)
def test_functions_get_as_many_values_as_they_take(
    function: Callable[..., Any], seen: tuple[Any, ...]
) -> None:
    fitted = hooks_in({"input_modifier": function}, "x")["input_modifier"]
    assert fitted("a", "b") == seen


@pytest.mark.parametrize(
    "function", [lambda a, b, c: 1, lambda *, text: 1, lambda text, *, state: 1]
)
def test_functions_that_want_more_are_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="input_modifier gets 2 values"):
        hooks_in({"input_modifier": function}, "x")


def test_classes_and_objects_are_hooks_too() -> None:
    class Transform:
        def __init__(self, state: object) -> None:
            self.state = state

    class Shout:
        def __call__(self, text: str) -> str:
            return text + "!"

    found = hooks_in({"output_stream": Transform, "output_modifier": Shout()}, "x")
    assert found["output_stream"]("state").state == "state"
    assert found["output_modifier"]("text", None) == "text!"


def test_what_is_no_hook_is_left_alone() -> None:
    assert hooks_in({"ui": 5, "print": print, "params": {}}, "x") == {}
    assert len(SURFACE) == 18


def test_an_answering_route_hook_that_fails_is_a_fault() -> None:
    hooks = Hooks()
    hooks.add(Extension("odd", functions=hooks_in({"routes": fail}, "odd")))
    hooks.enable("odd", None)
    [add_routes] = hooks.routes
    add_routes("app")
    assert hooks.faults[0].hook == "routes"


# -- as they are loaded ----------------------------------------------------------------------


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], None]:
    def write(name: str, script: str) -> None:
        folder = tmp_path / "extensions" / name
        folder.mkdir(parents=True)
        (folder / "script.py").write_text(script, encoding="utf-8")

    return write


def build(tmp_path: Path, *names: str, **params: Any) -> AppContext:
    settings = Settings(
        user_data_dir=str(tmp_path),
        extensions=names,
        extension_params={key.replace("__", "-"): value for key, value in params.items()},
    )
    context = AppContext(settings, ModelManager(Catalog(tmp_path)), build_media(settings))
    start_extensions(context)
    return context


def said(context: AppContext) -> str:
    return context.hooks.modify("input_modifier", "", None, check=text_of)


def test_the_order_is_that_of_the_settings(tmp_path: Path, write) -> None:
    for word in ("one", "two", "unused"):
        write(word, ADDS.format(word=word))
    context = build(tmp_path, "two", "one")
    assert said(context) == "twoone"
    assert [each.name for each in context.hooks.extensions] == ["two", "one"]


def test_a_disabled_one_acts_no_more_and_keeps_its_place(tmp_path: Path, write) -> None:
    for word in "ab":
        write(word, ADDS.format(word=word))
    context = build(tmp_path, "a", "b")
    disable_extension(context, "a")
    assert said(context) == "b"
    assert not context.hooks.has("output_modifier")
    enable_extension(context, "a")
    assert said(context) == "ab"
    disable_extension(context, "never_loaded")


def test_one_that_is_enabled_later_is_set_up_once_and_comes_last(tmp_path: Path, write) -> None:
    write("a", ADDS.format(word="a"))
    write("b", ADDS.format(word="b") + "calls = []\ndef setup():\n    calls.append(1)\n")
    context = build(tmp_path, "a")
    for _ in range(2):
        enable_extension(context, "b")
        assert said(context) == "ab"
        disable_extension(context, "b")
        assert said(context) == "a"
    import sys

    assert sys.modules["user_extensions.b"].calls == [1]


def test_one_whose_setup_fails_is_not_there(tmp_path: Path, write) -> None:
    write("bad", ADDS.format(word="x") + "def setup():\n    raise ValueError('no paint')\n")
    context = build(tmp_path)
    with pytest.raises(ConfigError, match="no paint"):
        enable_extension(context, "bad")
    assert context.hooks.extensions == ()
    assert said(context) == ""


def test_hooks_alone_make_an_extension(tmp_path: Path, write) -> None:
    write("styled", "def custom_css():\n    return 'a {}'\nparams = {'display_name': 'Nice'}\n")
    [extension] = build(tmp_path, "styled").hooks.extensions
    css = extension.hook("custom_css")
    assert css is not None
    assert css() == "a {}"
    assert (extension.display_name, extension.is_tab) == ("Nice", False)


def test_the_place_of_a_fault_is_a_line_of_the_script(tmp_path: Path, write) -> None:
    write("odd", "def input_modifier(text):\n    return text[0]\n")
    context = build(tmp_path, "odd")
    assert said(context) == ""
    [fault] = context.hooks.faults
    assert (fault.error, fault.where) == ("IndexError", "script.py:2")


PARAMS = (
    "params = {'n': 1, 'x': 0.5, 'on': False, 'word': 'a', 'any': None}\ndef setup():\n    pass\n"
)


def test_settings_win_over_params(tmp_path: Path, write) -> None:
    write("my_own", PARAMS)
    context = build(
        tmp_path,
        "my_own",
        my_own__n=7,
        my_own__x=2,
        my_own__on=True,
        my_own__any=[1],
        my_own__is_tab=True,
        **{"my_own__display-name": "Mine"},
        other__n=3,
    )
    [extension] = context.hooks.extensions
    assert extension.params == {
        "n": 7,
        "x": 2,
        "on": True,
        "word": "a",
        "any": [1],
        "is_tab": True,
        "display_name": "Mine",
    }


@pytest.mark.parametrize(
    ("key", "value"), [("n", "many"), ("n", True), ("on", 1), ("word", 5), ("x", "much")]
)
def test_a_param_of_a_wrong_kind_is_refused(tmp_path: Path, write, key: str, value: object) -> None:
    write("my_own", PARAMS)
    with pytest.raises(ConfigError, match=f"my_own-{key} must be"):
        build(tmp_path, "my_own", **{f"my_own__{key}": value})


def test_an_unknown_param_is_said_with_the_nearest(
    tmp_path: Path, write, caplog: pytest.LogCaptureFixture
) -> None:
    write("my_own", PARAMS)
    with caplog.at_level(logging.WARNING):
        build(tmp_path, "my_own", my_own__wrd=1)
    assert "did you mean my_own-word?" in caplog.text
