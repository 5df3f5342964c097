"""A chat of the wire to the neutral form that every face asks in. The last place that knows OpenAI. Blocking: it reads files."""

from collections.abc import Mapping

from extensions.openai.convert import to_shared
from extensions.openai.messages import Place, to_messages
from extensions.openai.structured import brings_grammar
from extensions.openai.thinking import to_thinking
from extensions.openai.tools import to_tool_use
from extensions.openai.typing import ChatCompletionRequest
from modules.core.asked import ChatRequest, Persona
from modules.core.messages import Image
from modules.core.requests import Adapters
from modules.prompts.characters import load_character
from modules.prompts.modes import to_persona
from modules.replies.plans import Unheeded
from modules.settings import Settings

_WISHES: Mapping[str, Unheeded] = {
    "enable_thinking": "thinking",
    "reasoning": "reasoning",
    "reasoning_effort": "effort",
    "chat_template_kwargs": "variables",
    "tools": "tools",
    "functions": "tools",
    "skip_special_tokens": "special_tokens",
}


def to_chat_request(
    body: ChatCompletionRequest,
    images: Mapping[Place, Image],
    settings: Settings,
    *,
    stop_id: str = "",
    adapters: Adapters | None = None,
) -> ChatRequest:
    """RequestError for fields that contradict each other, or name files that are not there."""
    can_truncate = settings.auto_truncate if body.truncation is None else body.truncation == "auto"
    return ChatRequest(
        tools=to_tool_use(body),
        thinking=to_thinking(body),
        messages=tuple(to_messages(body.messages, images)),
        mode=body.mode or "instruct",
        persona=_to_persona(body, settings),
        character=_character(body),
        command=body.chat_instruct_command,
        template_name=body.instruction_template,
        template_text=body.instruction_template_str,
        transcript_text=body.chat_template_str,
        continues_last=bool(body.continue_),
        can_truncate=can_truncate,
        max_tokens=body.max_completion_tokens or body.max_tokens,  # neither can be 0
        logprobs=(body.top_logprobs or 0) if body.logprobs else None,
        count=body.n or 1,
        stop_id=stop_id,
        adapters=adapters,
        **to_shared(body, settings),
    )


def is_slow_to_plan(body: ChatCompletionRequest) -> bool:
    """A template, or a grammar, that comes with a request may take its time."""
    has_template = body.instruction_template_str or body.chat_template_str
    return bool(has_template) or brings_grammar(body)


def ignored_fields(body: ChatCompletionRequest, unheeded: frozenset[Unheeded]) -> tuple[str, ...]:
    """Fields of the request that have no effect."""
    names = [name for name, wish in _WISHES.items() if wish in unheeded]
    if "truncation" in unheeded and body.truncation == "auto":
        names.append("truncation")
    given = body.model_fields_set
    return tuple(
        name for name in names if name in given and getattr(body, name) not in (None, [], {}, "")
    )


def _character(body: ChatCompletionRequest) -> str | None:
    return body.character if body.character and body.character != "None" else None


def _to_persona(body: ChatCompletionRequest, settings: Settings) -> Persona:
    """Reads the character's file."""
    name = _character(body)
    return to_persona(
        None if name is None else load_character(settings.characters_path, name),
        user_name=body.name1 or body.user_name,
        bot_name=body.name2 or body.bot_name,
        context=body.context,
        greeting=body.greeting,
        user_bio=body.user_bio,
    )
