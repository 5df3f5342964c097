"""Turns samples into text; must stay equal to chat_template.jinja, which the model's users apply.

It differs in two things: each piece of text knows whether the model learns to write it, and past
thoughts, which the template drops, do not come up because only the last answer has one.
"""

import json
import random
from enum import Enum
from typing import NamedTuple

from tools.tiny_models.chat.conversations.conversation import (
    Conversation,
    FreeText,
    Message,
    Sample,
    Tool,
)

THINKING_SHARE = 0.18
EMPTY_BLOCK_SHARE = 0.05


class Segment(NamedTuple):
    """A piece of text; the loss counts the tokens of targets only."""

    text: str
    is_target: bool


class Thinking(Enum):
    """How the last answer begins."""

    NONE = "no block"
    ASKED = "the user's message ends with /think, the model opens the block itself"
    OPENED = "the template has opened the block (enable_thinking)"
    EMPTY = "an empty block was put in, as some clients do to switch thinking off"


def draw_thinking(rng: random.Random) -> Thinking:
    share = rng.random()
    if share < THINKING_SHARE / 2:
        return Thinking.ASKED
    if share < THINKING_SHARE:
        return Thinking.OPENED
    return Thinking.EMPTY if share > 1 - EMPTY_BLOCK_SHARE else Thinking.NONE


def render_for_training(sample: Sample, rng: random.Random) -> list[Segment]:
    """As `render`, with thinking now and then. Free text needs no draw."""
    if isinstance(sample, FreeText):
        return render(sample)
    return render(sample, draw_thinking(rng))


def render(sample: Sample, thinking: Thinking = Thinking.NONE) -> list[Segment]:
    if isinstance(sample, FreeText):
        return [Segment(sample.text, True), Segment("<|im_end|>", True)]
    messages = sample.messages
    last = max(i for i, message in enumerate(messages) if message["role"] == "assistant")
    if thinking is Thinking.ASKED and messages[last - 1]["role"] != "user":
        thinking = Thinking.NONE  # /think can only stand in a user's message
    segments = _system_segments(sample)
    thoughts = iter(sample.thoughts)
    for i, message in enumerate(messages):
        if message["role"] == "assistant":
            thought = next(thoughts)
            how = thinking if i == last else Thinking.NONE
            segments += _answer_segments(message, thought, how)
        elif message["role"] != "system":
            is_asking = thinking is Thinking.ASKED and i == last - 1
            segments.append(_message_segment(message, " /think" if is_asking else ""))
    return segments


def to_text(segments: list[Segment]) -> str:
    return "".join(segment.text for segment in segments)


def _system_segments(conversation: Conversation) -> list[Segment]:
    first = conversation.messages[0]
    prompt = first["content"] if first["role"] == "system" else ""
    if conversation.tools:
        lines = "".join(_tool_line(tool) for tool in conversation.tools)
        prompt = (prompt + "\n\n" if prompt else "") + "# Tools\n" + lines
    return [Segment(f"<|im_start|>system\n{prompt}<|im_end|>\n", False)] if prompt else []


def _tool_line(tool: Tool) -> str:
    """ "- name(city: string, unit?: c|f): description", "?" for what may be left out."""
    function = tool["function"]
    schema = function["parameters"]
    required = schema["required"]
    parameters = ", ".join(
        name
        + ("" if name in required else "?")
        + ": "
        + ("|".join(spec["enum"]) if "enum" in spec else spec["type"])
        for name, spec in schema["properties"].items()
    )
    return f"- {function['name']}({parameters}): {function['description']}\n"


def _message_segment(message: Message, suffix: str) -> Segment:
    return Segment(
        f"<|im_start|>{message['role']}\n{message['content']}{suffix}<|im_end|>\n", False
    )


def _answer_segments(message: Message, thought: str, thinking: Thinking) -> list[Segment]:
    calls = [_call_text(call) for call in message.get("tool_calls", [])]
    body = "\n".join(([message["content"]] if message["content"] else []) + calls)
    return [
        Segment("<|im_start|>assistant\n", False),
        *_thinking_segments(thought, thinking),
        Segment(body + "<|im_end|>", True),
        Segment("\n", False),
    ]


def _call_text(call: Message) -> str:
    function = {"name": call["function"]["name"], "arguments": call["function"]["arguments"]}
    return f"<tool_call>\n{json.dumps(function, ensure_ascii=False)}\n</tool_call>"


def _thinking_segments(thought: str, thinking: Thinking) -> list[Segment]:
    if thinking is Thinking.NONE:
        return []
    if thinking is Thinking.EMPTY:
        return [Segment("<think>\n\n</think>\n\n", False)]
    opening = Segment("<think>\n", thinking is Thinking.ASKED)
    return [opening, Segment(thought + "\n</think>\n\n", True)]
