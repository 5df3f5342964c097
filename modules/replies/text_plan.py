"""A text that is to be gone on with, to what the engine is asked for, hooks included. Blocking, for a worker thread."""

from collections.abc import Sequence
from dataclasses import replace

from modules.core.asked import TextRequest
from modules.core.errors import ContextLengthExceeded, RequestError, Unsupported
from modules.core.requests import GenerationRequest
from modules.core.unrendered import TextPrompt
from modules.engine.encoding import EncodedPrompt, check_length
from modules.engine.model import LoadedModel
from modules.hooks import Hooks
from modules.replies.constraints import portable
from modules.replies.drawn import plan_replies
from modules.replies.input_hooks import hooked_text
from modules.replies.media_prompt import encode_media_prompt
from modules.replies.plans import TextPlan
from modules.replies.prompt_hooks import hooked_tokens
from modules.replies.shared_fields import shared_fields

DEFAULT_MAX_TOKENS = 512


def plan_text(request: TextRequest, model: LoadedModel, hooks: Hooks) -> TextPlan:
    """Tokenizes and compiles. RequestError says what cannot be done, and of which field."""
    [plan] = plan_texts([request], model, hooks)
    return plan


def plan_texts(requests: Sequence[TextRequest], model: LoadedModel, hooks: Hooks) -> list[TextPlan]:
    """Several that belong together: in a seeded request each reply has a seed of its own."""
    plans: list[TextPlan] = []
    before = 0
    for request in requests:
        request = hooked_text(replace(request, model=model.name), hooks)
        wanted = _to_request(request, model, hooks)
        if not plans:  # they differ by their prompts only
            model.engine.prepare(wanted)
        replies = plan_replies(wanted, request, request.text, model, hooks, first=before)
        plans.append(TextPlan(request, replies))
        before += len(replies)
    return plans


def _to_request(request: TextRequest, model: LoadedModel, hooks: Hooks) -> GenerationRequest:
    constraint = request.constraint
    grammar = None if constraint is None else constraint.grammar
    common = GenerationRequest(
        prompt_ids=(),
        max_tokens=DEFAULT_MAX_TOKENS if request.max_tokens is None else request.max_tokens,
        stop=request.stop,
        grammar=grammar,
        prompt_logprobs=request.prompt_logprobs,
        **shared_fields(request),
    )
    if model.info.renders_itself:
        return replace(
            common,
            prompt_ids=request.ids or (),
            unrendered=_to_unrendered(request),
            grammar=None if grammar is None else portable(grammar),
        )
    encoded = hooked_tokens(request.text, _encode(request, model), request, model, hooks)
    room = model.info.context_length - len(encoded.ids)
    if room < min(common.max_tokens, 1):
        raise ContextLengthExceeded(len(encoded.ids), model.info.context_length, param="prompt")
    return replace(
        common,
        prompt_ids=encoded.ids,
        media=encoded.media,
        max_tokens=min(common.max_tokens, room),
    )


def _encode(request: TextRequest, model: LoadedModel) -> EncodedPrompt:
    tokenizer = model.engine.tokenizer
    if request.images:
        return encode_media_prompt(request.text, request.images, model)
    if request.suffix:
        return EncodedPrompt(_infill(request, model))
    if request.ids is None:
        check_length(request.text, model.engine, param="prompt")
        ids = tokenizer.encode(request.text, add_special=request.adds_bos, parse_special=True)
    else:
        ids = request.ids
    # An empty prompt is a token that begins a document.
    return EncodedPrompt(tuple(ids) or (tokenizer.start_id,))


def _infill(request: TextRequest, model: LoadedModel) -> tuple[int, ...]:
    if request.ids is not None:
        raise RequestError("suffix goes with text prompts.", param="suffix")
    check_length(request.text + request.suffix, model.engine, param="prompt")
    ids = model.engine.tokenizer.infill(request.text, request.suffix)
    if ids is None:
        raise Unsupported(
            "The loaded model has no fill-in-the-middle tokens, so it cannot take a suffix.",
            param="suffix",
        )
    return tuple(ids)


def _to_unrendered(request: TextRequest) -> TextPrompt | None:
    """None: it is sent as ids. An empty list is an empty text, which the other server begins in its own way."""
    if request.images:
        raise Unsupported("Another server takes pictures in chats only.", param="messages")
    if request.ids is None:
        return TextPrompt(request.text, request.suffix, adds_bos=request.adds_bos)
    if request.suffix:
        raise RequestError("suffix goes with text prompts.", param="suffix")
    return None if request.ids else TextPrompt("")
