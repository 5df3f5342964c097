"""Which tools a request offers, and what it wants done with them. Pure functions."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from extensions.openai.message_types import (
    AllowedTools,
    FunctionDefinition,
    NamedFunction,
    NamedTool,
)
from extensions.openai.typing import ChatCompletionRequest
from modules.core.errors import RequestError
from modules.core.tools import Tool
from modules.core.wishes import NO_TOOLS, ToolChoice, ToolUse


def to_tool_use(body: ChatCompletionRequest) -> ToolUse:
    """RequestError when the fields contradict each other."""
    if body.tools and body.functions:
        raise RequestError("tools and functions cannot be used together.", param="functions")
    if body.functions:
        return _old_tool_use(body.functions, body.function_call)
    if not body.tools:
        _refuse_choice_without_tools(body)
        return NO_TOOLS
    tools = _to_tools([tool.function for tool in body.tools], "tools[{}].function")
    choice, names = _choice(body.tool_choice, tools)
    if choice == "none":
        return NO_TOOLS
    is_single = body.parallel_tool_calls is False or isinstance(body.tool_choice, NamedTool)
    return ToolUse(tools, choice, names, max_calls=1 if is_single else None)


def _old_tool_use(
    functions: Sequence[FunctionDefinition], wanted: Literal["none", "auto"] | NamedFunction | None
) -> ToolUse:
    tools = _to_tools(functions, "functions[{}]")
    if wanted == "none":
        return NO_TOOLS
    if isinstance(wanted, NamedFunction):
        _check_known([wanted.name], tools, "function_call.name")
        return ToolUse(tools, "required", (wanted.name,), max_calls=1, is_old=True)
    return ToolUse(tools, "auto", max_calls=1, is_old=True)


def _choice(
    wanted: Literal["none", "auto", "required"] | NamedTool | AllowedTools | None,
    tools: Sequence[Tool],
) -> tuple[ToolChoice, tuple[str, ...] | None]:
    if isinstance(wanted, NamedTool):
        _check_known([wanted.function.name], tools, "tool_choice.function.name")
        return "required", (wanted.function.name,)
    if isinstance(wanted, AllowedTools):
        names = tuple(tool.function.name for tool in wanted.allowed_tools.tools)
        _check_known(names, tools, "tool_choice.allowed_tools.tools")
        return wanted.allowed_tools.mode, names
    return wanted or "auto", None


def _check_known(names: Iterable[str], tools: Sequence[Tool], param: str) -> None:
    known = {tool.name for tool in tools}
    for name in names:
        if name not in known:
            raise RequestError(f"There is no tool {name!r} in tools.", param=param)


def _refuse_choice_without_tools(body: ChatCompletionRequest) -> None:
    if body.tool_choice not in (None, "none", "auto"):
        raise RequestError("tool_choice needs tools.", param="tool_choice")
    if body.function_call not in (None, "none", "auto"):
        raise RequestError("function_call needs functions.", param="function_call")


def _to_tools(definitions: Sequence[FunctionDefinition], where: str) -> tuple[Tool, ...]:
    tools: dict[str, Tool] = {}
    for i, definition in enumerate(definitions):
        place = where.format(i)
        if definition.name in tools:
            raise RequestError(f"Two tools are named {definition.name!r}.", param=f"{place}.name")
        tools[definition.name] = Tool(
            name=definition.name,
            description=definition.description or "",
            parameters=json.dumps(_object_schema(definition.parameters, place)),
            is_strict=bool(definition.strict),
        )
    return tuple(tools.values())


def _object_schema(given: dict[str, Any] | None, place: str) -> dict[str, Any]:
    """Arguments are always an object, said or not."""
    schema = dict(given or {})
    if schema.setdefault("type", "object") != "object":
        raise RequestError("The parameters of a tool are an object.", param=f"{place}.parameters")
    if not schema.keys() - {"type", "description", "title", "$schema"}:
        schema["properties"] = {}
    return schema
