"""What a request wants done with its tools."""

from typing import Any

import pytest

from extensions.openai.tools import to_tool_use
from extensions.openai.typing import ChatCompletionRequest
from modules.core.errors import RequestError
from modules.core.wishes import NO_TOOLS


def tool(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


def use(**fields: Any):
    messages = [{"role": "user", "content": "x"}]
    return to_tool_use(ChatCompletionRequest.model_validate({"messages": messages, **fields}))


def test_without_tools_nothing_is_looked_for() -> None:
    assert use() is NO_TOOLS
    assert use(tools=[]) is NO_TOOLS
    assert use(tool_choice="none") is NO_TOOLS
    assert use(tools=[tool("f")], tool_choice="none") is NO_TOOLS


def test_auto_is_the_default() -> None:
    found = use(tools=[tool("f"), tool("g")])
    assert (found.choice, found.names, found.max_calls, found.is_old) == ("auto", None, None, False)
    assert [each.name for each in found.callable_tools] == ["f", "g"]


def test_a_named_tool_is_called_once() -> None:
    found = use(tools=[tool("f"), tool("g")], tool_choice=tool("g"))
    assert (found.choice, found.max_calls) == ("required", 1)
    assert [each.name for each in found.callable_tools] == ["g"]
    assert len(found.tools) == 2  # the model sees both


def test_allowed_tools_narrow_what_may_be_called() -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [tool("f")]}}
    found = use(tools=[tool("f"), tool("g")], tool_choice=allowed)
    assert found.choice == "auto"
    assert [each.name for each in found.callable_tools] == ["f"]


def test_without_parallel_calls_the_first_is_the_last() -> None:
    assert use(tools=[tool("f")], parallel_tool_calls=False).max_calls == 1


def test_missing_parameters_are_an_empty_object() -> None:
    for parameters in (None, {}, {"type": "object"}):
        (found,) = use(tools=[tool("f", parameters=parameters)]).tools
        assert found.schema == {"type": "object", "properties": {}}


def test_parameters_without_a_type_are_an_object() -> None:
    (found,) = use(tools=[tool("f", parameters={"properties": {"a": {}}})]).tools
    assert found.schema == {"type": "object", "properties": {"a": {}}}


def test_strict_is_kept() -> None:
    assert use(tools=[tool("f", strict=True)]).tools[0].is_strict


def test_old_functions_are_called_one_at_a_time() -> None:
    found = use(functions=[{"name": "f"}])
    assert (found.choice, found.max_calls, found.is_old) == ("auto", 1, True)
    named = use(functions=[{"name": "f"}, {"name": "g"}], function_call={"name": "g"})
    assert (named.choice, named.names) == ("required", ("g",))
    assert use(functions=[{"name": "f"}], function_call="none") is NO_TOOLS


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [tool("f")], "functions": [{"name": "f"}]}, "functions"),
        ({"tools": [tool("f"), tool("f")]}, "tools[1].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"function_call": {"name": "f"}}, "function_call"),
        ({"tools": [tool("f")], "tool_choice": tool("g")}, "tool_choice.function.name"),
        ({"tools": [tool("f", parameters={"type": "string"})]}, "tools[0].function.parameters"),
        ({"functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call.name"),
    ],
)
def test_contradictions_are_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        use(**fields)
    assert caught.value.param == param
