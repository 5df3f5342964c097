"""The one grammar of a reply: thinking, calls and structured content together."""

from dataclasses import replace

from modules.core.errors import RequestError
from modules.core.requests import Grammar
from modules.core.tools import ReplyLayout, Tool
from modules.core.wishes import Constraint, ToolUse
from modules.engine.model import LoadedModel
from modules.text.call_formats.grammar import build_reply_grammar

ANY_OBJECT = '{"type": "object"}'


def to_reply_grammar(
    constraint: Constraint | None, layout: ReplyLayout | None, tools: ToolUse, model: LoadedModel
) -> Grammar | None:
    """None when nothing is asked for that has to be enforced. RequestError for what cannot be."""
    if constraint is not None:
        model.engine.check_grammar(constraint.grammar)
    if layout is None or tools.choice == "none":
        if constraint is None:
            return None
        if layout is None or (
            layout.tool_format is None and not layout.may_reason and not layout.starts_in_reasoning
        ):
            return constraint.grammar
    assert layout is not None

    def build(offered: tuple[Tool, ...]) -> Grammar | None:
        return build_reply_grammar(
            replace(layout, tools=offered),
            tool_choice="required" if tools.choice == "required" else "auto",
            max_calls=tools.max_calls,
            body=None if constraint is None else constraint.body,
        )

    enforceable = _enforceable(layout.tools, model)
    grammar = build(enforceable)
    try:
        if grammar is not None:
            model.engine.check_grammar(grammar)
    except RequestError:  # each can be enforced, but not all together
        return build(tuple(_loose(tool) for tool in enforceable))
    return grammar


def _loose(tool: Tool) -> Tool:
    return tool if tool.is_strict else replace(tool, parameters=ANY_OBJECT)


def _enforceable(tools: tuple[Tool, ...], model: LoadedModel) -> tuple[Tool, ...]:
    """Schemas that cannot be enforced stand for any object, unless the tool is strict: then they are an error."""
    return tuple(_checked(tool, model) for tool in tools)


def _checked(tool: Tool, model: LoadedModel) -> Tool:
    place = f"tools.{tool.name}.parameters"
    try:
        model.engine.check_grammar(Grammar("json_schema", tool.parameters, place))
    except RequestError:
        if tool.is_strict:
            raise
        return replace(tool, parameters=ANY_OBJECT)
    return tool
