"""One chat on its way to a prompt: by which template and mode it is rendered, and what of it fits. Blocking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from extensions.openai.messages import Place, to_messages
from extensions.openai.typing import ChatCompletionRequest
from modules.core.asked import Mode, Persona
from modules.core.errors import ContextLengthExceeded, Unsupported
from modules.core.messages import Image, Message
from modules.core.tools import ReplyLayout
from modules.core.wishes import Thinking, ToolUse
from modules.engine.encoding import EncodedPrompt, check_length, encode_prompt
from modules.engine.model import LoadedModel
from modules.prompts.characters import load_character
from modules.prompts.layouts import detect_layout, mentions_thinking
from modules.prompts.modes import ModePrompt, render_mode, to_persona
from modules.prompts.prompt import Prompt
from modules.prompts.templates import ChatTemplate
from modules.prompts.transcript import to_transcript_template
from modules.prompts.truncation import droppable_groups, without_groups
from modules.prompts.turn_stops import turn_stops
from modules.settings import Settings

RESERVED_FOR_REPLY = 512
"""Tokens that truncation leaves for a reply of unknown length; a quarter of a small context."""


@dataclass(frozen=True, slots=True)
class FittedPrompt:
    rendered: ModePrompt
    encoded: EncodedPrompt
    truncated: int | None


class Conversation:
    def __init__(
        self,
        body: ChatCompletionRequest,
        images: Mapping[Place, Image],
        model: LoadedModel,
        settings: Settings,
        tools: ToolUse,
        thinking: Thinking,
    ) -> None:
        self._body = body
        self._model = model
        self._settings = settings
        self._tools = tools
        self._thinking = thinking
        self._mode: Mode = body.mode or "instruct"
        self._images = images
        if self._mode == "chat" and tools.choice == "required":
            raise Unsupported(
                "Mode chat makes a plain transcript, in which no tool can be called.",
                param="function_call" if tools.is_old else "tool_choice",
            )
        self._transcript = self._chat_template()
        self._template = model.resolve_template(
            body.instruction_template, body.instruction_template_str
        )
        self._persona = to_chat_persona(body, settings)

    @property
    def _truncates(self) -> bool:
        if self._body.truncation is None:
            return self._settings.auto_truncate
        return self._body.truncation == "auto"

    def fit(self) -> FittedPrompt:
        """ContextLengthExceeded when it does not fit, and may not be made to or cannot be."""
        limit = self._model.info.context_length
        truncates = self._truncates
        if len(self._body.messages) > limit and not truncates:
            # Each takes a token at least, and rendering them all takes long.
            raise ContextLengthExceeded(len(self._body.messages), limit, param="messages")
        messages = to_messages(self._body.messages, self._images)
        if not truncates:
            check_length(
                "".join(message.text for message in messages), self._model.engine, param="messages"
            )
            rendered = self.render(messages)
            return FittedPrompt(rendered, self._encode(rendered), None)
        groups = droppable_groups(messages)
        for room in (limit - self._reserve(limit), limit - 1):  # at the worst with less reply
            found = self._fit_newest(messages, groups, room)
            if found is not None:
                return found
        rendered = self.render(without_groups(messages, groups))
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
        rendered = self.render(without_groups(messages, dropped))
        try:
            encoded = self._encode(rendered)
        except ContextLengthExceeded:
            return None
        if len(encoded.ids) > room:
            return None
        return FittedPrompt(rendered, encoded, sum(map(len, dropped)))

    def _reserve(self, limit: int) -> int:
        wanted = self._body.max_completion_tokens or self._body.max_tokens or RESERVED_FOR_REPLY
        return min(wanted, limit // 4)

    def render(self, messages: Sequence[Message]) -> ModePrompt:
        rendered = render_mode(
            self._template,
            messages,
            self._persona,
            mode=self._mode,
            chat_template=self._transcript,
            command=self._body.chat_instruct_command,
            variables=self._thinking.variables,
            continues_last=bool(self._body.continue_),
            control_texts=self._model.engine.tokenizer.control_texts,
            tools=self._tools.tools,
        )
        if self._mode != "chat":
            stops = turn_stops(self._template, self._model.engine.tokenizer.control_texts)
            rendered = replace(rendered, stops=(*rendered.stops, *stops))
        return self._without_thinking(rendered) if self._thinking.is_off else rendered

    def _without_thinking(self, rendered: ModePrompt) -> ModePrompt:
        """A template that opens the thinking whatever is asked finds it closed again."""
        layout = detect_layout(self._template, tools=(), prompt_text=rendered.prompt.text)
        if not layout.starts_in_reasoning or layout.reasoning is None:
            return rendered
        closed = (*rendered.prompt.parts, f"\n{layout.reasoning.end}\n\n")
        return replace(rendered, prompt=Prompt(closed))

    def layout(self, rendered: ModePrompt) -> ReplyLayout | None:
        """How the reply is to be read; None when all of it is content."""
        is_raw = self._body.skip_special_tokens is False and not self._tools.tools
        if self._mode == "chat" or is_raw:
            return None
        layout = detect_layout(
            self._template,
            tools=self._tools.callable_tools,
            prompt_text=rendered.prompt.text,
            begun=to_messages(self._body.messages[-1:])[-1].text if self._body.continue_ else "",
        )
        return replace(layout, may_reason=False) if self._thinking.is_off else layout

    def ignored(self) -> tuple[str, ...]:
        """Wishes about thinking that neither the template nor the reader of the reply can heed."""
        abilities = self._template.abilities
        is_plain = self._mode == "chat"  # a transcript has no place for thinking and tools
        can_switch = abilities.has_thinking_switch or mentions_thinking(self._template)
        wishes = {
            "enable_thinking": can_switch,
            "reasoning": can_switch or abilities.has_effort,
            "reasoning_effort": can_switch or abilities.has_effort,
        }
        if is_plain:
            wishes = dict.fromkeys((*wishes, "tools", "functions"), False)
        given = self._body.model_fields_set
        return tuple(
            name
            for name, is_heeded in wishes.items()
            if name in given and getattr(self._body, name) and not is_heeded
        )

    def _encode(self, rendered: ModePrompt) -> EncodedPrompt:
        return encode_prompt(
            rendered.prompt,
            self._model.engine,
            bos_text=self._template.bos_text,
            param="messages",
        )

    def _chat_template(self) -> ChatTemplate | None:
        text = self._body.chat_template_str
        return None if not text else to_transcript_template(text)


def to_chat_persona(body: ChatCompletionRequest, settings: Settings) -> Persona:
    """Reads the character's file."""
    character = None
    if body.character and body.character != "None":
        character = load_character(settings.characters_path, body.character)
    return to_persona(
        character,
        user_name=body.name1 or body.user_name,
        bot_name=body.name2 or body.bot_name,
        context=body.context,
        greeting=body.greeting,
        user_bio=body.user_bio,
    )
