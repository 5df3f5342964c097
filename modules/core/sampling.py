"""The sampler table: every sampling parameter, described once.

Request schemas, command-line flags, `docs/reference.md` and the `X-Ignored-Params` header are derived from
the fields of `SamplingParams`; which of them a loader honours is said by its `ModelInfo.samplers`.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from modules.core.errors import RequestError
from modules.core.options import Option, by_name, option, options_of, shown

DEFAULT_PRIORITY = (
    "penalties",
    "dry",
    "top_n_sigma",
    "top_k",
    "typical_p",
    "top_p",
    "min_p",
    "xtc",
    "temperature",
)
"""Order in which llama.cpp applies its samplers; logit biases always come first, the draw last."""

PRIORITY_ALIASES = {
    "repetition_penalty": "penalties",
    "presence_penalty": "penalties",
    "frequency_penalty": "penalties",
    "dynamic_temperature": "temperature",
    "typ_p": "typical_p",
}
DRY_BREAKERS = ("\n", ":", '"', "*")
MAX_LOGIT_BIAS = 100.0
MIN_TEMPERATURE = 1e-5
"""Below it the divided logits overflow, and the draw is the most likely token anyway."""
MAX_BREAKERS = 16
MAX_BREAKER_LENGTH = 64


def parse_logit_bias(value: Any) -> tuple[tuple[int, float], ...]:
    """`{"token id": bias}` as OpenAI has it; a bias lies in [-100, 100], and -100 bans the token."""
    if not isinstance(value, Mapping):
        raise RequestError("logit_bias must be an object of token ids", param="logit_bias")
    pairs: list[tuple[int, float]] = []
    for key, bias in cast("Mapping[object, object]", value).items():
        token_id = _token_id(key, "logit_bias")
        if isinstance(bias, bool) or not isinstance(bias, int | float):
            raise RequestError("logit_bias: a bias must be a number", param="logit_bias")
        if not -MAX_LOGIT_BIAS <= bias <= MAX_LOGIT_BIAS:
            raise RequestError(
                f"logit_bias: the bias of token {token_id} must be in [-100, 100]",
                param="logit_bias",
            )
        pairs.append((token_id, float(bias)))
    return tuple(pairs)


def parse_token_bans(value: Any) -> tuple[int, ...]:
    """Token ids as a list, or as comma separated text."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise RequestError("custom_token_bans must be token ids", param="custom_token_bans")
    items = [part for part in cast("list[object]", parts) if str(part).strip()]
    return tuple(_token_id(item, "custom_token_bans") for item in items)


def parse_priority(value: Any) -> tuple[str, ...]:
    """Names of samplers as a list, or as text with commas or line breaks; unknown names are refused."""
    items = _to_text_list(value, "sampler_priority")
    names = [PRIORITY_ALIASES.get(item, item) for item in items]
    for name in names:
        if name not in DEFAULT_PRIORITY and name not in SILENT_PRIORITY:
            raise RequestError(
                f"sampler_priority: unknown sampler {shown(name)}; known: {', '.join(DEFAULT_PRIORITY)}",
                param="sampler_priority",
            )
    return tuple(dict.fromkeys(name for name in names if name in DEFAULT_PRIORITY))


SILENT_PRIORITY = frozenset(
    [
        "quadratic_sampling",
        "epsilon_cutoff",
        "eta_cutoff",
        "tfs",
        "top_a",
        "adaptive_p",
        "mirostat",
        "encoder_repetition_penalty",
        "no_repeat_ngram",
    ]
)
"""Names that the old web UI's default list has: accepted, without a place of their own in the order."""


def parse_breakers(value: Any) -> tuple[str, ...]:
    """Sequence breakers as a list, as JSON text of one, or as comma separated JSON strings."""
    if isinstance(value, str):
        text = value if value.strip().startswith("[") else f"[{value}]"
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise RequestError(
                "dry_sequence_breakers must be a list of strings", param="dry_sequence_breakers"
            ) from None
    items = _to_text_list(value, "dry_sequence_breakers", strip=False)
    if len(items) > MAX_BREAKERS or any(len(item) > MAX_BREAKER_LENGTH for item in items):
        raise RequestError(
            f"dry_sequence_breakers: at most {MAX_BREAKERS} of {MAX_BREAKER_LENGTH} characters",
            param="dry_sequence_breakers",
        )
    if any("\ud800" <= char <= "\udfff" or char == "\0" for item in items for char in item):
        raise RequestError(
            "dry_sequence_breakers: a breaker has characters that no text may have",
            param="dry_sequence_breakers",
        )
    return tuple(items)


def _to_text_list(value: Any, name: str, *, strip: bool = True) -> list[str]:
    if isinstance(value, str):
        value = value.replace("\n", ",").split(",")
    if not isinstance(value, list | tuple):
        raise RequestError(f"{name} must be a list of strings", param=name)
    items = cast("list[object]", value)
    if not all(isinstance(item, str) for item in items):
        raise RequestError(f"{name} must be a list of strings", param=name)
    texts = [str(item).strip() if strip else str(item) for item in items]
    return [text for text in texts if text]


def _token_id(value: object, name: str) -> int:
    try:
        token_id = int(str(value))
    except ValueError:
        raise RequestError(f"{name}: {shown(value)} is not a token id", param=name) from None
    if not 0 <= token_id < 2**31:
        raise RequestError(f"{name}: {shown(token_id)} is not a token id", param=name)
    return token_id


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is drawn. The defaults are OpenAI's: the model's own distribution."""

    temperature: float = option(
        1.0,
        "Randomness: the logits are divided by it. 0 always takes the most likely token",
        minimum=0,
        maximum=5,
    )
    top_p: float = option(
        1.0,
        "Keep the smallest set of tokens whose probabilities reach this sum",
        minimum=0,
        maximum=1,
    )
    top_k: int = option(
        0, "Keep the k most likely tokens; 0 or -1 is off", minimum=-1, maximum=1_000_000
    )
    min_p: float = option(
        0.0, "Drop tokens less likely than this share of the most likely one", minimum=0, maximum=1
    )
    typical_p: float = option(
        1.0, "Locally typical sampling (arXiv 2202.00666); 1 is off", minimum=0, maximum=1
    )
    top_n_sigma: float = option(
        0.0,
        "Keep logits within n standard deviations of the largest (arXiv 2411.07641); 0 is off",
        minimum=0,
        maximum=100,
    )
    xtc_threshold: float = option(
        0.1, "XTC: tokens at least this likely may be excluded", minimum=0, maximum=1
    )
    xtc_probability: float = option(
        0.0,
        "XTC: chance, per token, to exclude all likely choices but the least likely of them",
        minimum=0,
        maximum=1,
    )
    dynamic_temperature: bool = option(
        False, "Choose the temperature by entropy, between dynatemp_low and dynatemp_high"
    )
    dynatemp_low: float = option(1.0, "Lowest dynamic temperature", minimum=0, maximum=5)
    dynatemp_high: float = option(1.0, "Highest dynamic temperature", minimum=0, maximum=5)
    dynatemp_exponent: float = option(
        1.0, "Curve of the dynamic temperature", minimum=0.01, maximum=10
    )
    repetition_penalty: float = option(
        1.0, "Divide the logits of tokens seen lately; 1 is off", minimum=0.01, maximum=10
    )
    repetition_penalty_range: int = option(
        1024,
        "How many last tokens the penalties look at; 0 is the whole context",
        minimum=0,
        maximum=1_000_000,
    )
    presence_penalty: float = option(
        0.0, "Subtracted once from the logit of every token seen lately", minimum=-2, maximum=2
    )
    frequency_penalty: float = option(
        0.0,
        "Subtracted from a logit for each time its token was seen lately",
        minimum=-2,
        maximum=2,
    )
    dry_multiplier: float = option(
        0.0, "DRY: strength against repeated sequences; 0 is off", minimum=0, maximum=10
    )
    dry_base: float = option(
        1.75, "DRY: growth of the penalty with the length of the repetition", minimum=1, maximum=10
    )
    dry_allowed_length: int = option(
        2, "DRY: longest repetition that goes unpunished", minimum=0, maximum=1000
    )
    dry_sequence_breakers: tuple[str, ...] = option(
        DRY_BREAKERS,
        "DRY: strings across which no repetition is counted",
        wire=str | list[str],
        parse=parse_breakers,
    )
    mirostat_mode: int = option(
        0,
        "Mirostat (arXiv 2007.14966): 0 off, 1 or 2; replaces the other cuts",
        minimum=0,
        maximum=2,
    )
    mirostat_tau: float = option(5.0, "Mirostat: target surprise", minimum=0, maximum=100)
    mirostat_eta: float = option(0.1, "Mirostat: learning rate", minimum=0, maximum=1)
    adaptive_target: float = option(
        0.0, "Adaptive-p: probability to aim at; 0 is off", minimum=0, maximum=1
    )
    adaptive_decay: float = option(
        0.9, "Adaptive-p: how long past choices count", minimum=0, maximum=0.99
    )
    sampler_priority: tuple[str, ...] = option(
        DEFAULT_PRIORITY,
        "Order of the samplers; those left out are not applied",
        wire=str | list[str],
        parse=parse_priority,
    )
    temperature_last: bool = option(False, "Apply the temperature after all other samplers")
    do_sample: bool = option(True, "false always takes the most likely token")
    logit_bias: tuple[tuple[int, float], ...] = option(
        (),
        "Added to the logits of these token ids; -100 bans a token",
        wire=dict[str, float],
        parse=parse_logit_bias,
    )
    custom_token_bans: tuple[int, ...] = option(
        (),
        "Token ids that are never chosen",
        wire=str | list[int],
        parse=parse_token_bans,
    )
    ban_eos_token: bool = option(
        False, "Never choose a token that ends the reply", aliases=("ignore_eos",)
    )
    seed: int = option(
        -1, "Makes the draw repeatable; negative is random", minimum=-(2**63), maximum=2**63 - 1
    )

    @property
    def is_greedy(self) -> bool:
        if not self.do_sample or self.top_k == 1:
            return True
        return self.temperature < MIN_TEMPERATURE and not self.dynamic_temperature

    @property
    def banned_ids(self) -> tuple[int, ...]:
        return self.custom_token_bans + tuple(
            token_id for token_id, bias in self.logit_bias if bias <= -MAX_LOGIT_BIAS
        )

    def updated(self, values: Mapping[str, Any]) -> "SamplingParams":
        """A copy with these values, each checked; null means default of the server, so it is skipped."""
        checked = {
            SAMPLERS_BY_NAME[name].name: SAMPLERS_BY_NAME[name].check(value)
            for name, value in values.items()
            if value is not None
        }
        return dataclasses.replace(self, **checked)


SAMPLERS: tuple[Option, ...] = options_of(SamplingParams)
SAMPLERS_BY_NAME: dict[str, Option] = by_name(SAMPLERS)
