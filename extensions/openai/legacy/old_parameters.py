"""Parameters of the blocking API of 2023 to those of completions and chats. Pure functions."""

import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel

from extensions.openai.convert import to_stops
from extensions.openai.legacy.old_types import OldGenerationFields
from modules.core.errors import RequestError
from modules.core.sampling import SAMPLERS_BY_NAME

DEFAULT_MAX_NEW_TOKENS = 200
AS_MANY_AS_FIT = 2**31 - 1

NO_EFFECT: Mapping[str, Any] = {
    "epsilon_cutoff": 0,
    "eta_cutoff": 0,
    "tfs": 1,
    "top_a": 0,
    "encoder_repetition_penalty": 1,
    "min_length": 0,
    "no_repeat_ngram_size": 0,
    "num_beams": 1,
    "penalty_alpha": 0,
    "length_penalty": 1,
    "early_stopping": False,
    "guidance_scale": 1,
    "negative_prompt": "",
    "max_tokens_second": 0,
    "smoothing_factor": 0,
    "use_max_seq_len": False,
    "chat_generation_attempts": 1,
    "stream": False,
}
"""What these are when they are off; clients of that time send every parameter they know."""


def to_new_fields(body: OldGenerationFields, target: type[BaseModel]) -> dict[str, Any]:
    """Fields of `target`, a request of completions or of chats; what nothing is known of stays as it is."""
    return {
        **_unknown(body, target),
        **_sampling(body),
        "max_tokens": max_new_tokens(body),
        "stop": _stops(body),
        "preset": named(body.preset),
        "grammar_string": body.grammar_string or None,
        "skip_special_tokens": body.skip_special_tokens,
    }


def max_new_tokens(body: OldGenerationFields) -> int:
    if body.auto_max_new_tokens:
        return AS_MANY_AS_FIT
    for given in (body.max_new_tokens, body.max_length):
        if given is not None:
            return given
    return DEFAULT_MAX_NEW_TOKENS


def truncation_length(body: OldGenerationFields) -> int | None:
    """None when nothing was said: then a prompt that is too long is an error, as everywhere."""
    return body.truncation_length or body.max_context_length or None


def named(name: str | None) -> str | None:
    """That time's clients say "None" for nothing."""
    return None if name in (None, "", "None") else name


def _sampling(body: OldGenerationFields) -> dict[str, Any]:
    values = {name: getattr(body, name) for name in body.model_fields_set & SAMPLERS_BY_NAME.keys()}
    values.setdefault("typical_p", body.typical)
    values.setdefault("repetition_penalty", body.rep_pen)
    return values


def _unknown(body: OldGenerationFields, target: type[BaseModel]) -> dict[str, Any]:
    """They reach the other request as unknown fields, so that they are named as ignored."""
    return {
        name: value
        for name, value in (body.model_extra or {}).items()
        if name not in target.model_fields and NO_EFFECT.get(name, ...) != value
    }


def _stops(body: OldGenerationFields) -> list[str]:
    stops = [*(body.stopping_strings or []), *_custom_stops(body.custom_stopping_strings)]
    try:
        return list(to_stops(stops))
    except RequestError as error:
        error.param = "stopping_strings"
        raise


def _custom_stops(given: str | list[str] | None) -> list[str]:
    if not given or isinstance(given, list):
        return given or []
    try:
        parsed: object = json.loads(f"[{given}]")
    except (ValueError, RecursionError):
        parsed = None
    items = cast("list[object]", parsed) if isinstance(parsed, list) else [None]
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) != len(items):
        raise RequestError(
            'custom_stopping_strings are JSON strings with commas between, such as "\\n", "###".',
            param="custom_stopping_strings",
        )
    return texts
