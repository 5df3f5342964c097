"""A chat that was asked for to what the engine is asked for, hooks included. Blocking, for a worker thread."""

from dataclasses import replace

from modules.core.asked import ChatRequest
from modules.core.errors import ContextLengthExceeded
from modules.core.requests import GenerationRequest
from modules.engine.model import LoadedModel
from modules.hooks import Hooks
from modules.replies.conversation import Conversation
from modules.replies.drawn import plan_replies
from modules.replies.input_hooks import hooked_chat
from modules.replies.passed_chat import plan_passed_chat
from modules.replies.plans import ChatPlan
from modules.replies.reply_grammar import to_reply_grammar
from modules.replies.shared_fields import shared_fields


def plan_chat(request: ChatRequest, model: LoadedModel, hooks: Hooks) -> ChatPlan:
    """Renders, tokenizes and compiles, unless another server does that. RequestError says what cannot be done, and of which field."""
    request = hooked_chat(replace(request, model=model.name), hooks)
    if model.info.renders_itself:
        return plan_passed_chat(request, model, hooks)
    conversation = Conversation(request, model, hooks)
    prompt = conversation.fit()
    layout = conversation.layout(prompt.rendered)
    room = model.info.context_length - len(prompt.encoded.ids)
    if room < 1:
        raise ContextLengthExceeded(
            len(prompt.encoded.ids), model.info.context_length, param="messages"
        )
    wanted = GenerationRequest(
        prompt_ids=prompt.encoded.ids,
        media=prompt.encoded.media,
        max_tokens=min(request.max_tokens or room, room),
        stop=(*request.stop, *prompt.rendered.stops),
        layout=layout,
        grammar=to_reply_grammar(request.constraint, layout, request.tools, model),
        drops_leading_space=prompt.rendered.drops_leading_space,
        **shared_fields(request),
    )
    model.engine.prepare(wanted)
    text = prompt.rendered.prompt.text
    replies = plan_replies(wanted, request, text, model, hooks)
    return ChatPlan(request, replies, text, prompt.truncated, conversation.unheeded())


def show_prompt(request: ChatRequest, model: LoadedModel, hooks: Hooks) -> str:
    """What the model would get, without anything left out."""
    request = hooked_chat(replace(request, model=model.name), hooks)
    return Conversation(request, model, hooks).show()


def count_prompt(request: ChatRequest, model: LoadedModel, hooks: Hooks) -> tuple[int, ...]:
    """The token ids that a chat would have as its prompt; those of pictures are negative. ContextLengthExceeded when it does not fit."""
    request = hooked_chat(replace(request, model=model.name), hooks)
    whole = replace(request, can_truncate=False)
    return Conversation(whole, model, hooks).fit().encoded.ids
