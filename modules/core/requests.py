"""What a caller asks of the engine: plain values, checked and tokenized."""

from dataclasses import dataclass, field, replace
from typing import Literal

from modules.core.messages import Image
from modules.core.sampling import SamplingParams
from modules.core.tools import ReplyLayout

GrammarKind = Literal["json_schema", "regex", "gbnf", "lark"]


@dataclass(frozen=True, slots=True)
class Grammar:
    """A constraint on the text of a reply. `text` is JSON for a schema.

    `marks`: quoted literals of a Lark grammar that stand for a control token where the vocabulary has one of that text.
    """

    kind: GrammarKind
    text: str
    param: str = "response_format"
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Media:
    """A picture inside a prompt: it takes `length` places of `prompt_ids` from `start` on.

    The ids there are negative and made from the picture's digest, so that equal beginnings of prompts are found by comparing ids.
    """

    start: int
    length: int
    image: Image


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
    media: tuple[Media, ...] = ()
    layout: ReplyLayout | None = None
    max_reasoning: int | None = None
    max_calls: int | None = None
    drops_leading_space: bool = False

    def with_sampling(self, sampling: SamplingParams) -> "GenerationRequest":
        """The same prompt, drawn another way."""
        return replace(self, sampling=sampling)
