"""One chat on its way to a prompt: by which template and mode it is rendered, and what of it fits. Blocking."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from modules.core.asked import ChatRequest
from modules.core.errors import ContextLengthExceeded, Unsupported
from modules.core.messages import Message
from modules.core.tools import ReplyLayout
from modules.engine.encoding import EncodedPrompt, check_length, encode_prompt
from modules.engine.model import LoadedModel
from modules.hooks import Hooks
from modules.prompts.layouts import detect_layout, mentions_thinking
from modules.prompts.modes import ModePrompt, render_mode
from modules.prompts.prompt import Prompt
from modules.prompts.transcript import to_transcript_template
from modules.prompts.truncation import droppable_groups, without_groups
from modules.prompts.turn_stops import turn_stops
from modules.replies.plans import Unheeded
from modules.replies.prefixes import with_prefix
from modules.replies.prompt_hooks import custom_prompt, hooked_tokens, prompt_length, reply_prefix

RESERVED_FOR_REPLY = 512
"""Tokens that truncation leaves for a reply of unknown length; a quarter of a small context."""


@dataclass(frozen=True, slots=True)
class FittedPrompt:
    rendered: ModePrompt
    encoded: EncodedPrompt
    truncated: int | None


class Conversation:
    """`request`: as the input hooks have left it."""

    def __init__(self, request: ChatRequest, model: LoadedModel, hooks: Hooks) -> None:
        self._request = request
        self._model = model
        self._hooks = hooks
        if request.mode == "chat" and request.tools.choice == "required":
            raise Unsupported(
                "Mode chat makes a plain transcript, in which no tool can be called.",
                param="function_call" if request.tools.is_old else "tool_choice",
            )
        transcript = request.transcript_text
        self._transcript = to_transcript_template(transcript) if transcript else None
        self._template = model.resolve_template(request.template_name, request.template_text)

    def fit(self) -> FittedPrompt:
        """ContextLengthExceeded when it does not fit, and may not be made to or cannot be."""
        fitted = self._fit()
        prompt = fitted.rendered.prompt.text
        encoded = hooked_tokens(prompt, fitted.encoded, self._request, self._model, self._hooks)
        return replace(fitted, encoded=encoded)

    def _fit(self) -> FittedPrompt:
        request, limit = self._request, self._model.info.context_length
        messages = request.messages
        if (whole := self._custom(messages)) is not None:
            return FittedPrompt(whole, self._encode(whole), 0 if request.can_truncate else None)
        if len(messages) > limit and not request.can_truncate:
            # Each takes a token at least, and rendering them all takes long.
            raise ContextLengthExceeded(len(messages), limit, param="messages")
        if not request.can_truncate:
            check_length(
                "".join(message.text for message in messages), self._model.engine, param="messages"
            )
            rendered = self._render(messages)
            return FittedPrompt(rendered, self._encode(rendered), None)
        groups = droppable_groups(messages)
        for room in (limit - self._reserve(limit), limit - 1):  # at the worst with less reply
            found = self._fit_newest(messages, groups, room)
            if found is not None:
                return found
        rendered = self._render(without_groups(messages, groups))
        return FittedPrompt(rendered, self._encode(rendered), sum(map(len, groups)))

    def _fit_newest(
        self, messages: Sequence[Message], groups: Sequence[list[int]], room: int
    ) -> FittedPrompt | None:
        """As few of the oldest go as need be: found by halving, since each try renders and tokenizes."""
        low, high = max(0, len(groups) - room), len(groups)
        best = self._attempt(messages, groups[:low], room)
        if best is not None:
            return best
        while low < high:
            middle = (low + high) // 2
            found = self._attempt(messages, groups[:middle], room)
            best, low, high = (found, low, middle) if found else (best, middle + 1, high)
        return best

    def _attempt(
        self, messages: Sequence[Message], dropped: Sequence[list[int]], room: int
    ) -> FittedPrompt | None:
        rendered = self._render(without_groups(messages, dropped))
        try:
            encoded = self._encode(rendered)
        except ContextLengthExceeded:
            return None
        told = prompt_length(rendered.prompt.text, self._request, self._hooks)
        if (len(encoded.ids) if told is None else told) > room:
            return None
        return FittedPrompt(rendered, encoded, sum(map(len, dropped)))

    def _reserve(self, limit: int) -> int:
        return min(self._request.max_tokens or RESERVED_FOR_REPLY, limit // 4)

    def show(self) -> str:
        """The prompt without anything left out."""
        messages = self._request.messages
        return (self._custom(messages) or self._render(messages)).prompt.text

    def _custom(self, messages: Sequence[Message]) -> ModePrompt | None:
        text = custom_prompt(messages, self._request, self._hooks)
        if text is None:
            return None
        check_length(text, self._model.engine, param="messages")
        return self._finished(ModePrompt(Prompt((text,))))

    def _render(self, messages: Sequence[Message]) -> ModePrompt:
        request = self._request
        rendered = render_mode(
            self._template,
            messages,
            request.persona,
            mode=request.mode,
            chat_template=self._transcript,
            command=request.command,
            variables=request.thinking.variables,
            continues_last=request.continues_last,
            control_texts=self._model.engine.tokenizer.control_texts,
            tools=request.tools.tools,
        )
        return self._finished(rendered)

    def _finished(self, rendered: ModePrompt) -> ModePrompt:
        """With the stop strings of the template, and what extensions let the reply begin with."""
        if self._request.mode != "chat":
            stops = turn_stops(self._template, self._model.engine.tokenizer.control_texts)
            rendered = replace(rendered, stops=(*rendered.stops, *stops))
        if self._request.thinking.is_off:
            rendered = self._without_thinking(rendered)
        return with_prefix(rendered, self._prefix)

    @cached_property
    def _prefix(self) -> str:
        return reply_prefix(self._request, self._hooks)

    def _without_thinking(self, rendered: ModePrompt) -> ModePrompt:
        """A template that opens the thinking whatever is asked finds it closed again."""
        layout = detect_layout(self._template, tools=(), prompt_text=rendered.prompt.text)
        if not layout.starts_in_reasoning or layout.reasoning is None:
            return rendered
        closed = (*rendered.prompt.parts, f"\n{layout.reasoning.end}\n\n")
        return replace(rendered, prompt=Prompt(closed))

    def layout(self, rendered: ModePrompt) -> ReplyLayout | None:
        """How the reply is to be read; None when all of it is content."""
        request = self._request
        is_raw = not request.skip_special_tokens and not request.tools.tools
        if request.mode == "chat" or is_raw:
            return None
        prefix = self._prefix.removesuffix(" ")
        layout = detect_layout(
            self._template,
            tools=request.tools.callable_tools,
            prompt_text=rendered.prompt.text.removesuffix(prefix),
            begun=request.messages[-1].text if request.continues_last else prefix,
        )
        if layout.reasoning is not None and layout.reasoning.end in prefix:
            layout = replace(layout, starts_in_reasoning=False)
        return replace(layout, may_reason=False) if request.thinking.is_off else layout

    def unheeded(self) -> frozenset[Unheeded]:
        """Wishes that neither the template nor the reader of the reply can heed."""
        abilities = self._template.abilities
        is_plain = self._request.mode == "chat"  # a transcript has no place for thinking and tools
        can_switch = abilities.has_thinking_switch or mentions_thinking(self._template)
        unheeded: set[Unheeded] = {"tools"} if is_plain else set()
        if (is_plain or not can_switch) and not self._request.thinking.is_off:
            unheeded.add("thinking")
        if is_plain or not (can_switch or abilities.has_effort):
            unheeded |= {"reasoning", "effort"}
        return frozenset(unheeded)

    def _encode(self, rendered: ModePrompt) -> EncodedPrompt:
        return encode_prompt(
            rendered.prompt,
            self._model.engine,
            bos_text=self._template.bos_text,
            param="messages",
        )
