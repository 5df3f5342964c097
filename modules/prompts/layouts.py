"""How the replies of a model are laid out, told from its chat template."""

from modules.core.tools import ReasoningMarks, ReplyLayout, Tool
from modules.prompts.templates import ChatTemplate
from modules.text.call_formats import FORMATS, find_format
from modules.text.call_formats.base import ToolFormat

GENERIC = "generic"
THINKING = (
    ReasoningMarks(),
    ReasoningMarks("[THINK]", "[/THINK]"),
    ReasoningMarks("<seed:think>", "</seed:think>"),
    ReasoningMarks("<|START_THINKING|>", "<|END_THINKING|>"),
    ReasoningMarks("<thought>", "</thought>"),
    ReasoningMarks("<reasoning>", "</reasoning>"),
)
"""Marks that templates mention. A template that mentions none may belong to a model that thinks all the same: then the first ones."""


def detect_layout(
    template: ChatTemplate, *, tools: tuple[Tool, ...], prompt_text: str, begun: str = ""
) -> ReplyLayout:
    """`prompt_text`: what was rendered; its end tells whether the thinking is open already. `begun`: the text that the reply goes on from."""
    found = detect_format(template)
    frames_all = found.reasoning is not None  # the family marks content too
    if tools and not frames_all and not template.abilities.shows_tools:
        found = find_format(GENERIC)
    marks = found.reasoning or detect_reasoning(template.text)
    return ReplyLayout(
        tool_format=found.name if tools or frames_all else None,
        tools=tools,
        reasoning=marks,
        starts_in_reasoning=prompt_text.rstrip().endswith(marks.start)
        or begun.rfind(marks.start) > begun.rfind(marks.end),
        may_reason=_mentions(template, marks) and template.abilities.has_thinking_on,
        marks=found.marks | {marks.start, marks.end},
    )


def mentions_thinking(template: ChatTemplate) -> bool:
    """Whether its model is known to think."""
    marks = detect_format(template).reasoning or detect_reasoning(template.text)
    return _mentions(template, marks)


def _mentions(template: ChatTemplate, marks: ReasoningMarks) -> bool:
    return marks.start in template.text or marks.end in template.text


def detect_reasoning(text: str) -> ReasoningMarks:
    for marks in THINKING:
        if marks.start in text or marks.end in text:
            return marks
    return THINKING[0]


def detect_format(template: ChatTemplate) -> ToolFormat:
    """By its signs, else by how it writes a call, else the one that models without tool support are asked for."""
    for each in FORMATS.values():
        if any(all(text in template.text for text in sign) for sign in each.signs):
            return each
    if template.abilities.shows_tools:
        sample = template.abilities.call_sample
        for each in FORMATS.values():
            if any(trigger in sample for trigger in each.syntax.triggers):
                return each
    return find_format(GENERIC)
