"""Fields that text requests share, to what the engine takes."""

from pathlib import Path
from typing import Any

from extensions.openai.fields import SamplingFields
from extensions.openai.structured import to_constraint
from extensions.openai.typing import ChatCompletionRequest, GenerationFields
from modules.core.errors import RequestError, Unsupported
from modules.core.sampling import SAMPLERS_BY_NAME, SamplingParams
from modules.prompts.presets import load_preset
from modules.settings import Settings

MAX_STOPS = 64
MAX_STOP_CHARS = 1024


def to_shared(body: GenerationFields, settings: Settings) -> dict[str, Any]:
    """What chats and texts have alike, by the names of the neutral form. Reads files."""
    defaults = with_preset(body, settings.sampling, settings.presets_path)
    return {
        "sampling": to_sampling(body, defaults),
        "given": named_sampling(body),
        "stop": to_stops(body.stop),
        "constraint": to_constraint(body, settings.grammars_path),
        "sampled_logprobs": bool(body.post_sampling_probs),
        "skip_special_tokens": body.skip_special_tokens is not False,
    }


def with_preset(body: GenerationFields, defaults: SamplingParams, presets: Path) -> SamplingParams:
    """The server's defaults, or what the preset that the request names makes of them. Reads a file."""
    return defaults.updated(load_preset(presets, body.preset)) if body.preset else defaults


def to_sampling(body: SamplingFields, defaults: SamplingParams) -> SamplingParams:
    """The defaults with the request's explicit values."""
    given = {name: getattr(body, name) for name in body.model_fields_set & SAMPLERS_BY_NAME.keys()}
    return defaults.updated(given)


def named_sampling(body: SamplingFields) -> frozenset[str]:
    """Sampling values that the request says itself: another server's defaults may differ from ours."""
    given = body.model_fields_set & SAMPLERS_BY_NAME.keys()
    return frozenset(SAMPLERS_BY_NAME[n].name for n in given if getattr(body, n) is not None)


def to_stops(stop: str | list[str] | None) -> tuple[str, ...]:
    stops = [stop] if isinstance(stop, str) else stop or []
    if len(stops) > MAX_STOPS or any(len(each) > MAX_STOP_CHARS for each in stops):
        raise RequestError(
            f"stop takes at most {MAX_STOPS} strings of {MAX_STOP_CHARS} characters.", param="stop"
        )
    return tuple(each for each in stops if each)


def refuse_unsupported(body: ChatCompletionRequest) -> None:
    """Fields that change what a reply is: to ignore them would be to answer another question."""
    if body.modalities and set(body.modalities) != {"text"}:
        raise Unsupported("Replies are text only.", param="modalities")
    if body.top_logprobs is not None and not body.logprobs:
        raise RequestError("top_logprobs needs logprobs to be true.", param="top_logprobs")
