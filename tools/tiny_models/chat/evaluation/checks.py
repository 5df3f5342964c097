"""Judges what the model says against what a case wants."""

import json
import re
from collections.abc import Callable
from typing import Any

from tools.tiny_models.chat.held_out.case import Check

TOOL_CALL = re.compile(r"<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)


def is_right(check: Check, text: str) -> bool:
    return CHECKS[check.kind](text.strip(), check.wanted)


def is_exact(text: str, wanted: str) -> bool:
    return text == wanted


def has_texts(text: str, wanted: list[str]) -> bool:
    """The texts come up, in any case of letters, and no tool is called."""
    return "<tool_call>" not in text and _contains(text, wanted)


def is_json(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return json.loads(text) == wanted
    except ValueError:
        return False


def has_calls(text: str, wanted: list[Any]) -> bool:
    """Exactly these calls ([name, arguments]) in this order; text around them does not matter."""
    return parse_calls(text) == wanted


def parse_calls(text: str) -> list[Any] | None:
    """The calls in a text, None when one of them cannot be read."""
    try:
        calls = [json.loads(found) for found in TOOL_CALL.findall(text)]
        return [[call["name"], call["arguments"]] for call in calls]
    except (ValueError, KeyError, TypeError):
        return None


def has_no_thought(text: str, wanted: list[str]) -> bool:
    return "think>" not in text and _contains(text, wanted)


def has_one_thought(text: str, wanted: list[str]) -> bool:
    """The template has opened the block; the model fills it, closes it once, and answers."""
    thought, *answers = text.split("</think>")
    is_well_formed = len(answers) == 1 and bool(thought.strip()) and "<think>" not in text
    return is_well_formed and _contains(answers[0], wanted)


def _contains(text: str, wanted: list[str]) -> bool:
    return all(part.lower() in text.lower() for part in wanted)


CHECKS: dict[str, Callable[[str, Any], bool]] = {
    "exact": is_exact,
    "text_has": has_texts,
    "json": is_json,
    "call": has_calls,
    "no_think": has_no_thought,
    "think": has_one_thought,
}
