"""A chat request to what the engine is asked for. The last place that knows OpenAI; blocking, for a worker thread."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

from extensions.openai.conversation import Conversation
from extensions.openai.convert import to_sampling, to_stops, with_preset, with_seed
from extensions.openai.messages import Place, to_messages
from extensions.openai.passed_chat import plan_passed_chat
from extensions.openai.plans import ChatPlan
from extensions.openai.reply_grammar import to_reply_grammar
from extensions.openai.thinking import to_thinking
from extensions.openai.tools import to_tool_use
from extensions.openai.typing import ChatCompletionRequest
from modules.core.errors import ContextLengthExceeded
from modules.core.messages import Image
from modules.core.requests import GenerationRequest
from modules.engine.model import LoadedModel
from modules.settings import Settings

T = TypeVar("T")


async def in_thread(body: ChatCompletionRequest, model: LoadedModel, work: Callable[[], T]) -> T:
    """`work` in a worker thread: those of all requests, or, for a template that came with the request and may take its time, one of
    the few that are for such, so that nobody else waits for it."""
    has_template = bool(body.instruction_template_str or body.chat_template_str)
    threads = model.templates.threads if has_template else None
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def plan_chat(
    body: ChatCompletionRequest,
    images: Mapping[Place, Image],
    model: LoadedModel,
    settings: Settings,
    stop_id: str,
) -> ChatPlan:
    """Renders, tokenizes and compiles, unless another server does that."""
    if model.info.renders_itself:
        return plan_passed_chat(body, images, model, settings, stop_id)
    tools, thinking = to_tool_use(body), to_thinking(body)
    conversation = Conversation(body, images, model, settings, tools, thinking)
    prompt = conversation.fit()
    sampling = to_sampling(body, with_preset(body, settings.sampling, settings.presets_path))
    layout = conversation.layout(prompt.rendered)
    room = model.info.context_length - len(prompt.encoded.ids)
    if room < 1:
        raise ContextLengthExceeded(
            len(prompt.encoded.ids), model.info.context_length, param="messages"
        )
    wanted = body.max_completion_tokens or body.max_tokens or room  # neither can be 0
    first = GenerationRequest(
        prompt_ids=prompt.encoded.ids,
        media=prompt.encoded.media,
        max_tokens=min(wanted, room),
        sampling=sampling,
        stop=(*to_stops(body.stop), *prompt.rendered.stops),
        layout=layout,
        grammar=to_reply_grammar(body, model, layout, tools, settings),
        max_reasoning=thinking.max_tokens,
        max_calls=tools.max_calls,
        drops_leading_space=prompt.rendered.drops_leading_space,
        logprobs=(body.top_logprobs or 0) if body.logprobs else None,
        sampled_logprobs=bool(body.post_sampling_probs),
        skip_special_tokens=body.skip_special_tokens is not False,
        stop_id=stop_id,
    )
    model.engine.prepare(first)
    requests = [first.with_sampling(with_seed(sampling, i)) for i in range(body.n or 1)]
    return ChatPlan(requests, tools, thinking, prompt.truncated, conversation.ignored())


def show_prompt(
    body: ChatCompletionRequest,
    images: Mapping[Place, Image],
    model: LoadedModel,
    settings: Settings,
) -> str:
    """What the model would get, without anything left out."""
    conversation = Conversation(body, images, model, settings, to_tool_use(body), to_thinking(body))
    return conversation.render(to_messages(body.messages, images)).prompt.text
