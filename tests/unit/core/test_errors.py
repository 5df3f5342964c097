"""The drawn tree of errors is the real one."""

import inspect
import re

from modules.core import errors


def _drawn() -> dict[str, str]:
    """Class -> parent, as the docstring draws it by indentation."""
    parents: dict[str, str] = {}
    stack: list[tuple[int, str]] = []
    for indent, name in re.findall(r"^( *)[*·-] (\w+)", errors.__doc__ or "", re.MULTILINE):
        while stack and stack[-1][0] >= len(indent):
            stack.pop()
        parents[name] = stack[-1][1] if stack else "Exception"
        stack.append((len(indent), name))
    return parents


def test_the_docstring_draws_every_class_below_its_parent() -> None:
    real = {
        name: each.__bases__[0].__name__
        for name, each in inspect.getmembers(errors, inspect.isclass)
        if each.__module__ == errors.__name__
    }
    assert _drawn() == real


def test_a_prompt_that_is_too_long_is_answered_with_both_numbers() -> None:
    error = errors.ContextLengthExceeded(900, 512, param="prompt")
    assert "900" in error.message
    assert "512" in error.message
    assert (error.code, error.param) == ("context_length_exceeded", "prompt")


def test_what_can_be_tried_again_says_when() -> None:
    assert errors.Busy("full", retry_after_s=7).retry_after_s == 7
    assert errors.NotReady("loading").retry_after_s >= 1


def test_the_message_is_the_text_of_the_exception() -> None:
    assert str(errors.LoadError("no such file")) == "no such file"
