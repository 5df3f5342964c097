"""Completions for a model that another server runs: texts go there as they are. Blocking, for a worker thread."""

from extensions.openai.completion_prompts import DEFAULT_MAX_TOKENS, Prompt, as_list, echo_of
from extensions.openai.convert import named_sampling, to_sampling, to_stops, with_preset, with_seed
from extensions.openai.passed_chat import portable
from extensions.openai.structured import to_constraint
from extensions.openai.typing import CompletionRequest
from modules.core.errors import RequestError, Unsupported
from modules.core.requests import GenerationRequest
from modules.core.unrendered import TextPrompt
from modules.engine.model import LoadedModel
from modules.settings import Settings


def to_passed_requests(
    body: CompletionRequest, replies: int, model: LoadedModel, settings: Settings, stop_id: str
) -> tuple[list[Prompt], list[GenerationRequest]]:
    """`replies` of each prompt."""
    if body.messages:
        raise Unsupported("Another server takes pictures in chats only.", param="messages")
    sampling = to_sampling(body, with_preset(body, settings.sampling, settings.presets_path))
    constraint = to_constraint(body, settings.grammars_path)
    ranks = replies > (body.n or 1)
    prompts: list[Prompt] = []
    requests: list[GenerationRequest] = []
    for given in as_list(body):
        prompts.append(_to_prompt(given, body, model))
        first = GenerationRequest(
            prompt_ids=tuple(prompts[-1].ids),
            unrendered=_to_text(given, body),
            max_tokens=DEFAULT_MAX_TOKENS if body.max_tokens is None else body.max_tokens,
            sampling=sampling,
            given=named_sampling(body),
            stop=to_stops(body.stop),
            grammar=None if constraint is None else portable(constraint.grammar),
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


def _to_prompt(given: str | list[int], body: CompletionRequest, model: LoadedModel) -> Prompt:
    if isinstance(given, str):
        return Prompt([], given if body.echo else "")
    return Prompt(given, echo_of(given, body, model.engine.tokenizer) if body.echo else "")


def _to_text(given: str | list[int], body: CompletionRequest) -> TextPrompt | None:
    """None: it is sent as ids. An empty list is an empty text, which the other server begins in its own way."""
    if isinstance(given, str):
        return TextPrompt(given, body.suffix or "", adds_bos=body.add_bos_token is not False)
    if body.suffix:
        raise RequestError("suffix goes with text prompts.", param="suffix")
    return None if given else TextPrompt("")
