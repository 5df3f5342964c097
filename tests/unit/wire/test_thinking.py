"""How much a request wants the model to think."""

from typing import Any

import pytest

from extensions.openai.thinking import to_thinking
from extensions.openai.typing import ChatCompletionRequest
from modules.core.errors import RequestError


def thinking(**fields: Any):
    messages = [{"role": "user", "content": "x"}]
    return to_thinking(ChatCompletionRequest.model_validate({"messages": messages, **fields}))


def test_nothing_said_leaves_it_to_the_template() -> None:
    found = thinking()
    assert (found.variables, found.max_tokens, found.is_off, found.is_hidden) == (
        {},
        None,
        False,
        False,
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"enable_thinking": False},
        {"reasoning_effort": "none"},
        {"reasoning": {"effort": "none"}},
        {"reasoning": {"enabled": False}},
        {"reasoning": {"max_tokens": 0}},
        {"chat_template_kwargs": {"thinking": False}},
        {"enable_thinking": False, "reasoning_effort": "high"},
    ],
)
def test_off(fields: dict[str, Any]) -> None:
    found = thinking(**fields)
    assert found.is_off
    assert found.variables["enable_thinking"] is False
    assert found.variables["thinking"] is False


@pytest.mark.parametrize(
    "fields",
    [
        {"enable_thinking": True},
        {"reasoning_effort": "low"},
        {"reasoning": {"enabled": True}},
        {"reasoning": {"max_tokens": 5}},
    ],
)
def test_on(fields: dict[str, Any]) -> None:
    found = thinking(**fields)
    assert not found.is_off
    assert found.variables["enable_thinking"] is True


def test_the_budget_and_the_effort_are_kept() -> None:
    found = thinking(reasoning={"max_tokens": 7, "effort": "high", "exclude": True})
    assert (found.max_tokens, found.is_hidden) == (7, True)
    assert found.variables["reasoning_effort"] == "high"


def test_other_variables_reach_the_template() -> None:
    assert thinking(chat_template_kwargs={"tone": "dry"}).variables == {"tone": "dry"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"reasoning_effort": "lots"}, "reasoning_effort"),
        ({"reasoning": {"effort": "lots"}}, "reasoning.effort"),
    ],
)
def test_an_unknown_effort_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        thinking(**fields)
    assert caught.value.param == param
