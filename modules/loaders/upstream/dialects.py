"""What kinds of servers take beyond OpenAI's API, and under which names.

Told apart by what `/v1/models` says. Of a server that is not known only OpenAI's own fields are expected, unless the operator says that
it takes all (`upstream_params`): many servers answer unknown fields with an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from modules.core.requests import GrammarKind
from modules.core.sampling import SAMPLERS

TokenizerKind = Literal["llama", "vllm"]
LLAMA_SERVER_OWNER = "llamacpp"

OPENAI_SAMPLERS = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "seed",
)
_TEMPLATED = frozenset(("chat_template_kwargs", "enable_thinking", "continue_"))


def _same(names: tuple[str, ...]) -> dict[str, str]:
    return {name: name for name in names}


@dataclass(frozen=True, slots=True)
class Dialect:
    """`samplers`: our names to theirs; `grammars`: path of the field for each kind; `continuation`: what makes the last message go on.

    `takes`: names of our fields beyond OpenAI's that are passed on. `limit_name`: their name for max_tokens in chats. `has_ids`: token ids
    are reported with `return_tokens_as_token_ids`. `is_ours`: another Hearth.
    """

    name: str
    samplers: Mapping[str, str] = field(default_factory=lambda: _same(OPENAI_SAMPLERS))
    grammars: Mapping[GrammarKind, tuple[str, ...]] = field(
        default_factory=dict[GrammarKind, tuple[str, ...]]
    )
    takes: frozenset[str] = frozenset()
    continuation: Mapping[str, Any] | None = None
    limit_name: str = "max_tokens"
    tokenizer: TokenizerKind | None = None
    max_logprobs: int | None = None
    has_ids: bool = False
    is_ours: bool = False

    @property
    def is_plain(self) -> bool:
        return not self.takes


OPENAI = Dialect("openai", limit_name="max_completion_tokens")
PLAIN = Dialect("plain")
HEARTH = Dialect(
    "hearth",
    samplers=_same(tuple(sampler.name for sampler in SAMPLERS)),
    grammars={
        "json_schema": ("json_schema",),
        "regex": ("regex",),
        "gbnf": ("grammar_string",),
        "lark": ("grammar_string",),
    },
    takes=_TEMPLATED
    | {"reasoning", "truncation", "skip_special_tokens", "post_sampling_probs", "add_bos_token"},
    continuation={"continue_": True},
    tokenizer="llama",
    max_logprobs=100,
    has_ids=True,
    is_ours=True,
)
LLAMA_SERVER = Dialect(
    "llama-server",
    samplers={
        **_same(
            (
                *OPENAI_SAMPLERS,
                "top_k",
                "min_p",
                "typical_p",
                "top_n_sigma",
                "xtc_probability",
                "xtc_threshold",
                "dry_multiplier",
                "dry_base",
                "dry_allowed_length",
                "dry_sequence_breakers",
                "mirostat_tau",
                "mirostat_eta",
                "adaptive_target",
                "adaptive_decay",
            )
        ),
        "repetition_penalty": "repeat_penalty",
        "repetition_penalty_range": "repeat_last_n",
        "mirostat_mode": "mirostat",
        "ban_eos_token": "ignore_eos",
    },
    grammars={"json_schema": ("json_schema",), "gbnf": ("grammar",)},
    takes=_TEMPLATED,
    continuation={},  # a last message of the assistant goes on by itself
    tokenizer="llama",
)
VLLM = Dialect(
    "vllm",
    samplers={
        **_same((*OPENAI_SAMPLERS, "top_k", "min_p", "repetition_penalty")),
        "ban_eos_token": "ignore_eos",
    },
    grammars={
        "json_schema": ("structured_outputs", "json"),
        "regex": ("structured_outputs", "regex"),
        "gbnf": ("structured_outputs", "grammar"),
        "lark": ("structured_outputs", "grammar"),
    },
    takes=_TEMPLATED | {"skip_special_tokens"},
    continuation={"continue_final_message": True, "add_generation_prompt": False},
    tokenizer="vllm",
)
SGLANG = Dialect(
    "sglang",
    samplers={
        **_same((*OPENAI_SAMPLERS, "top_k", "min_p", "repetition_penalty")),
        "ban_eos_token": "ignore_eos",
    },
    grammars={"regex": ("regex",), "gbnf": ("ebnf",)},
    takes=_TEMPLATED | {"skip_special_tokens"},
    continuation={"continue_final_message": True},
)
ALL = Dialect(
    "all",
    samplers=HEARTH.samplers,
    grammars=HEARTH.grammars,
    takes=HEARTH.takes,
    continuation=HEARTH.continuation,
)
_BY_OWNER = {LLAMA_SERVER_OWNER: LLAMA_SERVER, "vllm": VLLM, "sglang": SGLANG}
_OPENAI_HOSTS = ("api.openai.com", ".openai.azure.com")


def dialect_of(entry: Mapping[str, Any], host: str, wanted: str) -> Dialect:
    """`entry`: what the server lists of a model; `wanted`: the setting `upstream_params`."""
    plain = OPENAI if host.endswith(_OPENAI_HOSTS) else PLAIN
    if wanted == "openai":
        return plain
    meta: Any = entry.get("meta")
    if isinstance(meta, dict) and "loader" in meta and "loaded" in meta:
        return HEARTH
    known = _BY_OWNER.get(str(entry.get("owned_by")))
    if known is not None:
        return known
    return ALL if wanted == "all" else plain
