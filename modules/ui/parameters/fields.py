"""The samplers as fields of a form: which control each has, in which group it stands, and its value there and back.

Everything is derived from the sampler table, so that a new sampler has its place here by itself.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from modules.core.errors import RequestError
from modules.core.options import Option
from modules.core.sampling import SAMPLERS, SAMPLERS_BY_NAME

Control = Literal["slider", "number", "whole", "check", "text"]

_SLIDER_RANGE = 5.0
"""Ranges up to this are a slider, wider ones a field for a number."""

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Common", ("temperature", "top_p", "min_p", "top_k", "repetition_penalty", "seed")),
    ("Unlikely tokens", ("typical_p", "top_n_sigma", "xtc_threshold", "xtc_probability")),
    ("Repetition", (
        "presence_penalty", "frequency_penalty", "repetition_penalty_range",
        "dry_multiplier", "dry_base", "dry_allowed_length", "dry_sequence_breakers",
    )),
    ("Dynamic temperature", ("dynamic_temperature", "dynatemp_low", "dynatemp_high", "dynatemp_exponent")),
    ("Mirostat and adaptive-p", ("mirostat_mode", "mirostat_tau", "mirostat_eta", "adaptive_target", "adaptive_decay")),
    ("Single tokens", ("ban_eos_token", "custom_token_bans", "logit_bias")),
    ("Order and choice", ("do_sample", "temperature_last", "sampler_priority")),
)  # fmt: skip
OTHERS = "Others"
"""What no group names."""

NOT_OF_PRESETS = frozenset(("seed", "logit_bias", "custom_token_bans", "ban_eos_token"))
"""What a preset leaves alone: it is about one model or one reply, not about a manner of sampling."""


@dataclass(frozen=True, slots=True)
class SamplerField:
    """`step`: of a slider. `lines`: of a field for text."""

    option: Option
    control: Control
    step: float = 0.01
    lines: int = 1

    @property
    def name(self) -> str:
        return self.option.name

    def to_control(self, value: Any) -> Any:
        """What the control shows for a checked value."""
        return _TO_TEXT[self.name](value) if self.control == "text" else value

    def from_control(self, given: Any) -> Any:
        """A checked value; an empty field is the default. RequestError says what is wrong."""
        if given is None or (isinstance(given, str) and not given.strip()):
            return self.option.default
        return self.option.check(_FROM_TEXT[self.name](given) if self.control == "text" else given)


def sampler_groups() -> list[tuple[str, list[SamplerField]]]:
    """All samplers, each once."""
    named = {name for _, names in GROUPS for name in names}
    others = tuple(each.name for each in SAMPLERS if each.name not in named)
    groups = [*GROUPS, (OTHERS, others)]
    return [
        (title, [_to_field(SAMPLERS_BY_NAME[name]) for name in names])
        for title, names in groups
        if names
    ]


def _to_field(option: Option) -> SamplerField:
    if option.kind is bool:
        return SamplerField(option, "check")
    if option.kind is int:
        return SamplerField(option, "whole")
    if option.kind is tuple:
        lines = 9 if option.name == "sampler_priority" else 2
        return SamplerField(option, "text", lines=lines)
    if option.minimum is None or option.maximum is None:
        return SamplerField(option, "number")
    width = option.maximum - option.minimum
    if width > _SLIDER_RANGE:
        return SamplerField(option, "number")
    return SamplerField(option, "slider", step=0.005 if width <= 1 else 0.01)


def to_lines(texts: tuple[str, ...]) -> str:
    """One on each line; line breaks and tabs inside are written as \\n and \\t."""
    return "\n".join(
        text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t") for text in texts
    )


def from_lines(text: str) -> tuple[str, ...]:
    """Empty lines count for nothing; spaces do."""
    lines = (_unescaped(line) for line in text.replace("\r", "").split("\n"))
    return tuple(dict.fromkeys(line for line in lines if line))


_ESCAPE = re.compile(r"\\([nt\\])")
_ESCAPED = {"n": "\n", "t": "\t", "\\": "\\"}


def _unescaped(line: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED[match[1]], line)


def _breakers_to_text(value: tuple[str, ...]) -> str:
    return ", ".join(json.dumps(each, ensure_ascii=False) for each in value)


def _bans_to_text(value: tuple[int, ...]) -> str:
    return ", ".join(map(str, value))


def _bias_to_text(value: tuple[tuple[int, float], ...]) -> str:
    return ", ".join(f"{token_id}: {bias:g}" for token_id, bias in value)


def _bias_from_text(text: str) -> dict[str, float]:
    """`ID: BIAS`, with commas or line breaks between."""
    found: dict[str, float] = {}
    for part in re.split(r"[,\n]", text.strip().strip("{}")):
        if not part.strip():
            continue
        token_id, colon, bias = part.partition(":")
        try:
            found[token_id.strip().strip('"')] = float(bias)
        except ValueError:
            colon = ""
        if not colon:
            raise RequestError(
                f"logit_bias: write ID: BIAS, such as 42: -5; not {part.strip()[:40]!r}.",
                param="logit_bias",
            )
    return found


def _same(text: str) -> str:
    return text


_TO_TEXT: Mapping[str, Callable[[Any], str]] = {
    "dry_sequence_breakers": _breakers_to_text,
    "sampler_priority": cast("Callable[[Any], str]", "\n".join),
    "custom_token_bans": _bans_to_text,
    "logit_bias": _bias_to_text,
}
_FROM_TEXT: Mapping[str, Callable[[str], Any]] = {
    "dry_sequence_breakers": _same,
    "sampler_priority": _same,
    "custom_token_bans": _same,
    "logit_bias": _bias_from_text,
}
