"""Checks that the training's own renderer gives the same text as the chat template.

The two libraries that apply templates are imported late: either one is enough for a check.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.tiny_models.chat.conversations.conversation import Conversation
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.rendering import render, to_text
from tools.tiny_models.chat.conversations.sampling import sample

ApplyTemplate = Callable[[Conversation], str]


class TemplateMismatchError(Exception):
    """The model would be trained on another text than it gets to read."""


def check_template(apply_template: ApplyTemplate, samples: int = 300, seed: int = 3) -> int:
    """Compares conversations of the generator; returns how many, raises TemplateMismatchError."""
    draw = Draw(random.Random(seed))
    drawn = [sample(draw) for _ in range(samples)]
    conversations = [one for one in drawn if isinstance(one, Conversation)]
    for conversation in conversations:
        trained, templated = to_text(render(conversation)), apply_template(conversation)
        if trained != templated:
            raise TemplateMismatchError(f"trained: {trained!r}\ntemplate: {templated!r}")
    return len(conversations)


def apply_with_transformers(folder: Path) -> ApplyTemplate:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return lambda conversation: tokenizer.apply_chat_template(
        conversation.messages, tokenize=False, **_tools_of(conversation)
    )


def apply_with_llama_cpp(template: str) -> ApplyTemplate:
    """The formatter of llama-cpp-python, without the beginning of an answer."""
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    formatter = Jinja2ChatFormatter(template, "<|im_end|>", "", add_generation_prompt=False)
    return lambda conversation: (
        formatter(messages=conversation.messages, **_tools_of(conversation)).prompt
    )


def _tools_of(conversation: Conversation) -> dict[str, Any]:
    return {"tools": conversation.tools} if conversation.tools else {}
