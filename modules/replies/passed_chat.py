"""A chat for a model that another server renders: the same plan, with messages instead of token ids. Blocking, for a worker thread."""

from modules.core.asked import ChatRequest
from modules.core.errors import Unsupported
from modules.core.messages import Image
from modules.core.requests import AS_MANY_AS_FIT, GenerationRequest
from modules.core.unrendered import ChatPrompt, TextPrompt, Unrendered
from modules.engine.model import LoadedModel
from modules.hooks import Hooks
from modules.prompts.modes import ModePrompt, StagedChat, stage_mode
from modules.prompts.prompt import Prompt
from modules.prompts.transcript import to_transcript_template
from modules.replies.constraints import portable
from modules.replies.drawn import plan_replies
from modules.replies.plans import ChatPlan, Unheeded
from modules.replies.prefixes import with_begun_message, with_prefix
from modules.replies.prompt_hooks import custom_prompt, reply_prefix
from modules.replies.shared_fields import shared_fields

_BY_NAME: dict[str, Unheeded] = {
    "enable_thinking": "thinking",
    "reasoning": "reasoning",
    "chat_template_kwargs": "variables",
}
"""What another server may know nothing of."""


def plan_passed_chat(request: ChatRequest, model: LoadedModel, hooks: Hooks) -> ChatPlan:
    """What only a renderer of its own could do is refused. How long the prompt is, the other server finds out."""
    _refuse_templates(request)
    staged = _stage(request, model, hooks)
    prompt = _to_prompt(staged, request)
    constraint = request.constraint
    is_format = constraint is not None and constraint.response_format is not None
    wanted = GenerationRequest(
        prompt_ids=(),
        unrendered=prompt,
        max_tokens=request.max_tokens or AS_MANY_AS_FIT,
        stop=(*request.stop, *staged.stops),
        grammar=None if constraint is None or is_format else portable(constraint.grammar),
        drops_leading_space=staged.drops_leading_space,
        **shared_fields(request),
    )
    model.engine.prepare(wanted)
    text = prompt.text if isinstance(prompt, TextPrompt) else ""
    replies = plan_replies(wanted, request, text, model, hooks)
    unheeded = _unheeded(request, model.info.takes, is_plain=isinstance(prompt, TextPrompt))
    return ChatPlan(request, replies, text, None, unheeded)


def _refuse_templates(request: ChatRequest) -> None:
    given = {
        "instruction_template": request.template_name,
        "instruction_template_str": request.template_text,
    }
    for name, value in given.items():
        if value:
            raise Unsupported(
                "The loaded model is another server's, which renders chats by its own template.",
                param=name,
            )


def _stage(request: ChatRequest, model: LoadedModel, hooks: Hooks) -> StagedChat | ModePrompt:
    prefix = reply_prefix(request, hooks)
    whole = custom_prompt(request.messages, request, hooks)
    if whole is not None:
        return with_prefix(ModePrompt(Prompt((whole,))), prefix)
    transcript = request.transcript_text
    staged = stage_mode(
        request.messages,
        request.persona,
        mode=request.mode,
        chat_template=to_transcript_template(transcript) if transcript else None,
        command=request.command,
        variables=request.thinking.variables,
        continues_last=request.continues_last,
    )
    if isinstance(staged, ModePrompt):
        return with_prefix(staged, prefix)
    can_begin = "continue_" in model.info.takes
    return with_begun_message(staged, prefix) if can_begin else staged


def _to_prompt(staged: StagedChat | ModePrompt, request: ChatRequest) -> Unrendered:
    if isinstance(staged, ModePrompt):
        return _to_text(staged, request)
    tools, names = request.tools, request.tools.names or ()
    thinking, constraint = request.thinking, request.constraint
    return ChatPrompt(
        messages=tuple(staged.messages),
        tools=tools.callable_tools,
        tool_choice="required" if tools.choice == "required" else "auto",
        called=names[0] if tools.choice == "required" and len(names) == 1 else None,
        response_format=None if constraint is None else constraint.response_format,
        effort=thinking.variables.get("reasoning_effort"),
        variables=thinking.variables,
        continues_last=staged.continues_last,
        can_be_cut=request.can_truncate,
    )


def _to_text(staged: ModePrompt, request: ChatRequest) -> TextPrompt:
    """Mode chat makes a plain transcript, which any model can go on with."""
    if request.tools.choice == "required":
        raise Unsupported(
            "Mode chat makes a plain transcript, in which no tool can be called.",
            param="function_call" if request.tools.is_old else "tool_choice",
        )
    if any(isinstance(part, Image) for part in staged.prompt.parts):
        raise Unsupported("Another server takes no pictures in a plain transcript.", param="mode")
    return TextPrompt(staged.prompt.text)


def _unheeded(
    request: ChatRequest, takes: frozenset[str], *, is_plain: bool
) -> frozenset[Unheeded]:
    """What has no way to the other server, or no place in a transcript."""
    unheeded: set[Unheeded] = {_BY_NAME[name] for name in _BY_NAME if is_plain or name not in takes}
    if is_plain or "truncation" not in takes:
        unheeded.add("truncation")
    if "skip_special_tokens" not in takes and not request.skip_special_tokens:
        unheeded.add("special_tokens")
    if is_plain:
        unheeded |= {"tools", "effort"}
    return frozenset(unheeded)
