"""A request of /v1/completions to the neutral form, one for each prompt. Blocking: it reads files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from extensions.openai.completion_prompts import as_list, echo_of
from extensions.openai.convert import to_shared
from extensions.openai.messages import Place, to_messages
from extensions.openai.typing import CompletionRequest
from modules.core.asked import TextRequest
from modules.core.errors import RequestError, Unsupported
from modules.core.messages import Image
from modules.core.requests import Adapters
from modules.engine.model import LoadedModel
from modules.replies.plans import TextPlan
from modules.settings import Settings


def check_counts(body: CompletionRequest) -> int:
    """How many replies to generate for each prompt."""
    n, best_of = body.n or 1, body.best_of or body.n or 1
    if best_of < n:
        raise RequestError("best_of must be at least n.", param="best_of")
    if best_of > n and body.stream:
        raise RequestError(
            "best_of cannot be streamed: it is known only at the end.", param="best_of"
        )
    return best_of


def to_text_requests(
    body: CompletionRequest,
    images: Mapping[Place, Image],
    model: LoadedModel,
    settings: Settings,
    *,
    stop_id: str = "",
    adapters: Adapters | None = None,
) -> list[TextRequest]:
    if body.messages and model.info.renders_itself:
        raise Unsupported("Another server takes pictures in chats only.", param="messages")
    replies = check_counts(body)
    ranks = replies > (body.n or 1)
    common = TextRequest(
        suffix=body.suffix or "",
        adds_bos=body.add_bos_token is not False,
        max_tokens=body.max_tokens,
        logprobs=0 if body.logprobs is None and ranks else body.logprobs,
        prompt_logprobs=body.logprobs if body.echo else None,
        count=replies,
        stop_id=stop_id,
        adapters=adapters,
        **to_shared(body, settings),
    )
    return [replace(common, **prompt) for prompt in _prompts(body, images)]


def echoes_of(body: CompletionRequest, plans: Sequence[TextPlan], model: LoadedModel) -> list[str]:
    """What each prompt's replies begin with: the prompt's text, where that was asked for."""
    if not body.echo:
        return ["" for _ in plans]
    tokenizer = model.engine.tokenizer
    states = [plan.state for plan in plans]
    return [
        each.text if each.ids is None else echo_of(list(each.ids), body, tokenizer)
        for each in states
    ]


def _prompts(body: CompletionRequest, images: Mapping[Place, Image]) -> list[dict[str, Any]]:
    """Fields of the prompts by their names."""
    if body.messages:
        return [_media_prompt(body, images)]
    return [
        {"text": prompt} if isinstance(prompt, str) else {"ids": tuple(prompt)}
        for prompt in as_list(body)
    ]


def _media_prompt(body: CompletionRequest, images: Mapping[Place, Image]) -> dict[str, Any]:
    """Text with pictures comes as messages, since a prompt has no place for them: their texts one after the other."""
    if body.prompt:
        raise RequestError("prompt and messages cannot be used together.", param="messages")
    for name in ("suffix", "echo"):
        if getattr(body, name):
            raise RequestError(f"{name} does not go with messages.", param=name)
    messages = to_messages(body.messages or [], images)
    text = "".join(message.text for message in messages)
    return {"text": text, "images": tuple(i for message in messages for i in message.images)}
