"""What a caller asks of the engine: plain values, checked and tokenized."""

from dataclasses import dataclass, field, replace
from typing import Literal

from modules.core.sampling import SamplingParams

GrammarKind = Literal["json_schema", "regex", "gbnf", "lark"]


@dataclass(frozen=True, slots=True)
class Grammar:
    """A constraint on the text of a reply. `text` is JSON for a schema."""

    kind: GrammarKind
    text: str
    param: str = "response_format"


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One prompt, one reply.

    `logprobs` / `prompt_logprobs`: how many alternatives to report for each token of the reply / of the
    prompt; 0 reports the token itself only, None nothing. `sampled_logprobs`: report the probabilities
    that are left after the samplers instead of the model's own. `stop_id` names the request for `Engine.stop`.
    """

    prompt_ids: tuple[int, ...]
    max_tokens: int
    sampling: SamplingParams = field(default_factory=SamplingParams)
    stop: tuple[str, ...] = ()
    grammar: Grammar | None = None
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    sampled_logprobs: bool = False
    skip_special_tokens: bool = True
    stop_id: str = ""

    def with_sampling(self, sampling: SamplingParams) -> "GenerationRequest":
        """The same prompt, drawn another way."""
        return replace(self, sampling=sampling)
