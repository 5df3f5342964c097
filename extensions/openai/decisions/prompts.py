"""One prompt that all questions share, and what each adds to it. Blocking: for a worker thread."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from extensions.openai.decisions.labels import Labels
from modules.core.errors import ContextLengthExceeded, RequestError
from modules.core.messages import Content, Image, Message
from modules.core.requests import Media
from modules.engine.encoding import EncodedPrompt, encode_prompt
from modules.engine.model import LoadedModel
from modules.prompts.chat import render_chat
from modules.prompts.layouts import detect_format, detect_layout
from modules.prompts.prompt import Prompt, Verbatim
from modules.prompts.templates import ChatTemplate

_WITHOUT_THINKING: dict[str, Any] = {"enable_thinking": False, "thinking": False}
_FINAL_CHANNEL = "<|channel|>final<|message|>"

Part = str | Verbatim | Image


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """`prompt` ends where the label begins. `shared`: how many of its ids all questions begin with."""

    prompt: EncodedPrompt
    labels: Labels
    shared: int


def ask(
    inputs: Sequence[Message],
    questions: Sequence[tuple[Content, str]],
    labels: Sequence[Labels],
    model: LoadedModel,
) -> list[AskedQuestion]:
    """`questions`: the instructions of each, and the text after them. ContextLengthExceeded names the one that does not fit."""
    template = model.template
    before, after = _render(template, inputs, model)
    head = encode_prompt(Prompt(before), model.engine, bos_text=template.bos_text, param="input")
    limit = model.info.context_length
    if len(head.ids) >= limit:
        raise ContextLengthExceeded(len(head.ids), limit, param="input")
    asked: list[AskedQuestion] = []
    for index, ((content, ending), each) in enumerate(zip(questions, labels, strict=True)):
        where = f"questions[{index}]"
        parts = Prompt((*_verbatim(content), Verbatim(ending), *after))
        tail = encode_prompt(parts, model.engine, bos_text="", param=where, is_continuation=True)
        prompt = _joined(head, tail)
        longest = max(len(path) for paths in each.paths for path in paths)
        if len(prompt.ids) + longest > limit:
            raise ContextLengthExceeded(len(prompt.ids), limit, param=where)
        asked.append(AskedQuestion(prompt, each, len(head.ids)))
    return asked


def _render(
    template: ChatTemplate, inputs: Sequence[Message], model: LoadedModel
) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """The parts before and after the place of the question, which ends the user's last message or is one of its own."""
    mark = secrets.token_hex(16)
    prompt = render_chat(
        template,
        _with_mark(inputs, mark),
        variables=_WITHOUT_THINKING,
        control_texts=model.engine.tokenizer.control_texts,
    )
    before: list[Part] = []
    for index, part in enumerate(prompt.parts):
        if isinstance(part, str) and mark in part:
            text, _, rest = part.partition(mark)
            after = (rest, *prompt.parts[index + 1 :], _opening(template, prompt))
            return (*before, text), tuple(each for each in after if each != "")
        before.append(part)
    raise RequestError("The model's chat template leaves out the question.", param="input")


def _with_mark(inputs: Sequence[Message], mark: str) -> list[Message]:
    last = inputs[-1] if inputs else None
    if last is None or last.role != "user" or last.content is None:
        return [*inputs, Message("user", mark)]
    parts = (last.content,) if isinstance(last.content, str) else last.content
    return [*inputs[:-1], replace(last, content=(*parts, f"\n\n{mark}"))]


def _opening(template: ChatTemplate, prompt: Prompt) -> str:
    """What brings a model that would think first to its answer."""
    layout = detect_layout(template, tools=(), prompt_text=prompt.text)
    if layout.starts_in_reasoning and layout.reasoning is not None:
        return f"\n{layout.reasoning.end}\n\n"
    return _FINAL_CHANNEL if detect_format(template).name == "harmony" else ""


def _verbatim(content: Content) -> list[Part]:
    parts = (content,) if isinstance(content, str) else content
    return [Verbatim(part) if isinstance(part, str) else part for part in parts]


def _joined(head: EncodedPrompt, tail: EncodedPrompt) -> EncodedPrompt:
    moved = [Media(each.start + len(head.ids), each.length, each.image) for each in tail.media]
    return EncodedPrompt((*head.ids, *tail.ids), (*head.media, *moved))
