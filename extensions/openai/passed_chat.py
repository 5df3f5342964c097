"""A chat for a model that another server renders: the same plan, with messages instead of token ids. Blocking, for a worker thread."""

import json
from collections.abc import Mapping
from typing import Any

from extensions.openai.conversation import to_chat_persona
from extensions.openai.convert import named_sampling, to_sampling, to_stops, with_preset, with_seed
from extensions.openai.messages import Place, to_messages
from extensions.openai.plans import ChatPlan
from extensions.openai.structured import to_constraint
from extensions.openai.thinking import to_thinking
from extensions.openai.tools import to_tool_use
from extensions.openai.typing import ChatCompletionRequest, ResponseFormat
from modules.core.errors import Unsupported
from modules.core.messages import Image
from modules.core.requests import AS_MANY_AS_FIT, GenerationRequest, Grammar
from modules.core.unrendered import ChatPrompt, TextPrompt, Unrendered
from modules.core.wishes import Thinking, ToolUse
from modules.engine.model import LoadedModel
from modules.prompts.modes import ModePrompt, StagedChat, stage_mode
from modules.prompts.transcript import to_transcript_template
from modules.settings import Settings

_OWN_TEMPLATES = ("instruction_template", "instruction_template_str")
_ABOUT_THINKING = ("enable_thinking", "reasoning", "chat_template_kwargs")
_OPENAI_FORMATS = ("json_object", "json_schema")


def plan_passed_chat(
    body: ChatCompletionRequest,
    images: Mapping[Place, Image],
    model: LoadedModel,
    settings: Settings,
    stop_id: str,
) -> ChatPlan:
    """What only a renderer of its own could do is refused. How long the prompt is, the other server finds out."""
    _refuse_templates(body)
    tools, thinking = to_tool_use(body), to_thinking(body)
    staged = _stage(body, images, settings, thinking)
    prompt = _to_prompt(staged, body, tools, thinking, settings)
    sampling = to_sampling(body, with_preset(body, settings.sampling, settings.presets_path))
    first = GenerationRequest(
        prompt_ids=(),
        unrendered=prompt,
        max_tokens=body.max_completion_tokens or body.max_tokens or AS_MANY_AS_FIT,
        sampling=sampling,
        given=named_sampling(body),
        stop=(*to_stops(body.stop), *staged.stops),
        grammar=_to_grammar(body, settings),
        max_reasoning=thinking.max_tokens,
        max_calls=tools.max_calls,
        drops_leading_space=staged.drops_leading_space,
        logprobs=(body.top_logprobs or 0) if body.logprobs else None,
        sampled_logprobs=bool(body.post_sampling_probs),
        skip_special_tokens=body.skip_special_tokens is not False,
        stop_id=stop_id,
    )
    model.engine.prepare(first)
    requests = [first.with_sampling(with_seed(sampling, i)) for i in range(body.n or 1)]
    ignored = _ignored(body, model.info.takes, settings, is_plain=isinstance(prompt, TextPrompt))
    return ChatPlan(requests, tools, thinking, None, ignored)


def _refuse_templates(body: ChatCompletionRequest) -> None:
    for name in _OWN_TEMPLATES:
        if getattr(body, name):
            raise Unsupported(
                "The loaded model is another server's, which renders chats by its own template.",
                param=name,
            )


def _stage(
    body: ChatCompletionRequest,
    images: Mapping[Place, Image],
    settings: Settings,
    thinking: Thinking,
) -> StagedChat | ModePrompt:
    transcript = body.chat_template_str
    return stage_mode(
        to_messages(body.messages, images),
        to_chat_persona(body, settings),
        mode=body.mode or "instruct",
        chat_template=to_transcript_template(transcript) if transcript else None,
        command=body.chat_instruct_command,
        variables=thinking.variables,
        continues_last=bool(body.continue_),
    )


def _to_prompt(
    staged: StagedChat | ModePrompt,
    body: ChatCompletionRequest,
    tools: ToolUse,
    thinking: Thinking,
    settings: Settings,
) -> Unrendered:
    if isinstance(staged, ModePrompt):
        return _to_text(staged, tools)
    names = tools.names or ()
    return ChatPrompt(
        messages=tuple(staged.messages),
        tools=tools.callable_tools,
        tool_choice="required" if tools.choice == "required" else "auto",
        called=names[0] if tools.choice == "required" and len(names) == 1 else None,
        response_format=_to_format(body.response_format),
        effort=thinking.variables.get("reasoning_effort"),
        variables=thinking.variables,
        continues_last=staged.continues_last,
        can_be_cut=_can_be_cut(body, settings),
    )


def _to_text(staged: ModePrompt, tools: ToolUse) -> TextPrompt:
    """Mode chat makes a plain transcript, which any model can go on with."""
    if tools.choice == "required":
        raise Unsupported(
            "Mode chat makes a plain transcript, in which no tool can be called.",
            param="function_call" if tools.is_old else "tool_choice",
        )
    if any(isinstance(part, Image) for part in staged.prompt.parts):
        raise Unsupported("Another server takes no pictures in a plain transcript.", param="mode")
    return TextPrompt(staged.prompt.text)


def _to_format(wanted: ResponseFormat | None) -> str | None:
    """OpenAI's own forms go on as they came; others are grammars."""
    if wanted is None or wanted.type not in _OPENAI_FORMATS:
        return None
    fields: dict[str, Any] = wanted.model_dump(by_alias=True, exclude_unset=True)
    if wanted.json_schema is not None:
        fields["json_schema"] = {"name": "reply", **fields["json_schema"]}
    return json.dumps(fields)


def _to_grammar(body: ChatCompletionRequest, settings: Settings) -> Grammar | None:
    constraint = to_constraint(body, settings.grammars_path)
    if constraint is None or constraint.grammar.param.startswith("response_format.json_schema"):
        return None
    is_format = body.response_format is not None and body.response_format.type in _OPENAI_FORMATS
    return None if is_format else portable(constraint.grammar)


def portable(grammar: Grammar) -> Grammar:
    """A choice of texts, which Lark and GBNF write alike: more servers read the latter."""
    if grammar.param.endswith(("choice", "choices")) and grammar.text.startswith("start: "):
        return Grammar("gbnf", "root ::= " + grammar.text.removeprefix("start: "), grammar.param)
    return grammar


def _can_be_cut(body: ChatCompletionRequest, settings: Settings) -> bool:
    return settings.auto_truncate if body.truncation is None else body.truncation == "auto"


def _ignored(
    body: ChatCompletionRequest, takes: frozenset[str], settings: Settings, *, is_plain: bool
) -> tuple[str, ...]:
    """What has no way to the other server, or no place in a transcript."""
    unknown = [name for name in _ABOUT_THINKING if is_plain or name not in takes]
    if body.truncation == "auto" and (is_plain or "truncation" not in takes):
        unknown.append("truncation")
    if body.skip_special_tokens is False and "skip_special_tokens" not in takes:
        unknown.append("skip_special_tokens")
    if is_plain:
        unknown += ["tools", "functions", "reasoning_effort"]
    given = body.model_fields_set
    return tuple(
        name for name in unknown if name in given and getattr(body, name) not in (None, [], {})
    )
