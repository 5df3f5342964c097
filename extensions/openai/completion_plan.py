"""A request of /v1/completions to what the engine is asked for. Blocking, for a worker thread."""

from collections.abc import Mapping

from extensions.openai.completion_prompts import DEFAULT_MAX_TOKENS, Prompt, as_list, echo_of
from extensions.openai.convert import to_sampling, to_stops, with_preset, with_seed
from extensions.openai.media_prompt import encode_media_prompt
from extensions.openai.messages import Place
from extensions.openai.passed_completion import to_passed_requests
from extensions.openai.reply_grammar import to_reply_grammar
from extensions.openai.typing import CompletionRequest
from modules.core.errors import ContextLengthExceeded, RequestError, Unsupported
from modules.core.messages import Image
from modules.core.requests import GenerationRequest
from modules.core.wishes import NO_TOOLS
from modules.engine.encoding import check_length
from modules.engine.model import LoadedModel
from modules.loaders.base import Tokenizer
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


def to_completion_requests(
    body: CompletionRequest,
    images: Mapping[Place, Image],
    model: LoadedModel,
    settings: Settings,
    stop_id: str,
) -> tuple[list[Prompt], list[GenerationRequest]]:
    """Tokenizes and compiles: blocking, for a worker thread."""
    if model.info.renders_itself:
        return to_passed_requests(body, check_counts(body), model, settings, stop_id)
    prompts = to_prompts(body, images, model)
    sampling = to_sampling(body, with_preset(body, settings.sampling, settings.presets_path))
    grammar = to_reply_grammar(body, model, None, NO_TOOLS, settings)
    stops = to_stops(body.stop)
    replies = check_counts(body)
    ranks = replies > (body.n or 1)
    requests: list[GenerationRequest] = []
    for prompt in prompts:
        first = GenerationRequest(
            prompt_ids=tuple(prompt.ids),
            media=prompt.media,
            max_tokens=_max_tokens(body, prompt, model),
            sampling=sampling,
            stop=stops,
            grammar=grammar,
            logprobs=0 if body.logprobs is None and ranks else body.logprobs,
            prompt_logprobs=body.logprobs if body.echo else None,
            sampled_logprobs=bool(body.post_sampling_probs),
            skip_special_tokens=body.skip_special_tokens is not False,
            stop_id=stop_id,
        )
        requests += [
            first.with_sampling(with_seed(sampling, len(requests) + i)) for i in range(replies)
        ]
    model.engine.prepare(requests[0])
    return prompts, requests


def _max_tokens(body: CompletionRequest, prompt: Prompt, model: LoadedModel) -> int:
    room = model.info.context_length - len(prompt.ids)
    wanted = DEFAULT_MAX_TOKENS if body.max_tokens is None else body.max_tokens
    if room < min(wanted, 1):
        raise ContextLengthExceeded(len(prompt.ids), model.info.context_length, param="prompt")
    return min(wanted, room)


def to_prompts(
    body: CompletionRequest, images: Mapping[Place, Image], model: LoadedModel
) -> list[Prompt]:
    if body.messages:
        return [_media_prompt(body, images, model)]
    given = as_list(body)
    if body.suffix:
        return [_infill(prompt, body, model) for prompt in given]
    return [_to_prompt(prompt, body, model) for prompt in given]


def _media_prompt(
    body: CompletionRequest, images: Mapping[Place, Image], model: LoadedModel
) -> Prompt:
    """Text with pictures comes as messages, since a prompt has no place for them."""
    if body.prompt:
        raise RequestError("prompt and messages cannot be used together.", param="messages")
    for name in ("suffix", "echo"):
        if getattr(body, name):
            raise RequestError(f"{name} does not go with messages.", param=name)
    encoded = encode_media_prompt(body.messages or [], images, model)
    return Prompt(list(encoded.ids), media=encoded.media)


def _to_prompt(prompt: str | list[int], body: CompletionRequest, model: LoadedModel) -> Prompt:
    tokenizer = model.engine.tokenizer
    if isinstance(prompt, str):
        check_length(prompt, model.engine, param="prompt")
        add_bos = body.add_bos_token is not False
        ids = tokenizer.encode(prompt, add_special=add_bos, parse_special=True)
        return Prompt(ids or _start(tokenizer), prompt if body.echo else "")
    echo = echo_of(prompt, body, tokenizer) if body.echo else ""
    return Prompt(prompt or _start(tokenizer), echo)


def _start(tokenizer: Tokenizer) -> list[int]:
    """What stands for an empty prompt: a token that begins a document."""
    return [tokenizer.start_id]


def _infill(prompt: str | list[int], body: CompletionRequest, model: LoadedModel) -> Prompt:
    if not isinstance(prompt, str):
        raise RequestError("suffix goes with text prompts.", param="suffix")
    check_length(prompt + (body.suffix or ""), model.engine, param="prompt")
    ids = model.engine.tokenizer.infill(prompt, body.suffix or "")
    if ids is None:
        raise Unsupported(
            "The loaded model has no fill-in-the-middle tokens, so it cannot take a suffix.",
            param="suffix",
        )
    return Prompt(ids, prompt if body.echo else "")
