"""One grammar for a whole reply: thinking, content and calls. It holds from the first token on."""

from typing import Literal

from modules.core.requests import Grammar
from modules.core.tools import ReasoningMarks, ReplyLayout
from modules.text.call_formats import find_format
from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.harmony_messages import HarmonyMessages
from modules.text.call_formats.rules import SPACE, Calls, Rules, joined, literal, one_of, without


def build_reply_grammar(
    layout: ReplyLayout,
    *,
    tool_choice: Literal["auto", "required"] = "auto",
    max_calls: int | None = None,
    body: str | None = None,
    param: str = "tools",
) -> Grammar | None:
    """None when all texts are allowed.

    `body`: a Lark expression for content that is constrained. `param` is named by errors.
    """
    rules = Rules()
    if body is not None:
        body = rules.add("body", body)
    reply_format = find_format(layout.tool_format) if layout.tool_format else None
    calls = None
    if layout.tools and reply_format is not None:
        calls = reply_format.syntax.write(rules, layout.tools, is_many=max_calls != 1)
    is_required = tool_choice == "required" and calls is not None
    if reply_format is not None and isinstance(reply_format.syntax, HarmonyMessages):
        start = reply_format.syntax.write_reply(rules, calls, body, is_required=is_required)
    else:
        reply = body
        if calls is not None and is_required:
            reply = f"{SPACE} {calls.whole}"
        elif calls is not None and body is not None:
            reply = one_of((body, f"{SPACE} {calls.whole}"))
        elif calls is not None and reply_format is not None:
            triggers = reply_format.syntax.triggers
            reply = _text_and_calls(rules, calls, triggers, layout, is_many=max_calls != 1)
        if reply is None:
            return None
        start = joined((_thinking(rules, layout), reply))
    rules.name_as("start", start)
    return Grammar("lark", rules.text, param, marks=_marks(layout, reply_format))


def _text_and_calls(
    rules: Rules, calls: Calls, triggers: tuple[str, ...], layout: ReplyLayout, *, is_many: bool
) -> str | None:
    """None when nothing tells a call from JSON as an answer; with a strict tool what begins like a call has to be one."""
    if not calls.trigger:
        if not any(tool.is_strict for tool in layout.tools):
            return None
        return one_of((calls.whole, rules.terminal("text", r"/([^\[{<\s](?s:.*))?/")))
    others = [mark for mark in triggers if mark != calls.trigger]
    before = rules.until("before", calls.trigger, excluded=others)
    text = rules.terminal("text", without(triggers))
    return f"({before} {calls.rest}){'*' if is_many else '?'} {text}"


def _thinking(rules: Rules, layout: ReplyLayout) -> str:
    marks = layout.reasoning
    if marks is None or not (layout.may_reason or layout.starts_in_reasoning):
        return ""
    rest = f"{rules.until('thought', marks.end)} {SPACE}"
    if layout.starts_in_reasoning:
        return rest
    return f"({SPACE} {literal(marks.start)} {rest})?"


def _marks(layout: ReplyLayout, reply_format: ToolFormat | None) -> tuple[str, ...]:
    own = reply_format.marks if reply_format is not None else frozenset[str]()
    marks = {*layout.marks, *own}
    reasoning: ReasoningMarks | None = layout.reasoning
    if reasoning is not None:
        marks |= {reasoning.start, reasoning.end}
    return tuple(sorted(marks))
