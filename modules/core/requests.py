"""What a caller asks of the engine: plain values, checked and tokenized."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from modules.core.messages import Image
from modules.core.sampling import SamplingParams
from modules.core.tools import ReplyLayout
from modules.core.unrendered import Unrendered

AS_MANY_AS_FIT = 2**31 - 1
"""`max_tokens` of a request that only the end of the context bounds, where it is not known here."""

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


@dataclass(frozen=True, slots=True, order=True)
class Adapter:
    """A LoRA adapter by the name it was loaded under, and how strongly it counts."""

    name: str
    scale: float = 1.0


Adapters = tuple[Adapter, ...]
"""Those that work together in one request; `to_adapters` gives equal sets the same value."""


def to_adapters(scales: Mapping[str, float]) -> Adapters:
    """In the order of their names; what does not count is left out, as if it had not been named."""
    return tuple(Adapter(name, scales[name]) for name in sorted(scales) if scales[name] != 0)


LogitsProcessor = Callable[[Sequence[int], Any], Any]
"""`(token_ids, logits) -> logits`: of the next token, from all tokens before it. `logits`: numpy float32 [vocabulary], which may be changed."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One prompt, one reply.

    `logprobs` / `prompt_logprobs`: how many alternatives to report for each token of the reply / of the
    prompt; 0 reports the token itself only, None nothing. `sampled_logprobs`: report the probabilities
    that are left after the samplers instead of the model's own. `scores_end`: report the token that ends the
    reply too, which is no part of its text. `stop_id` names the request for `Engine.stop`.
    `adapters`: None means the model's default ones. `unrendered` stands instead of `prompt_ids` for models that render by themselves;
    `given`: sampling values that the caller named, even if with their default. `logits_processors` are called in the engine's thread for each
    next token, before the grammar and the samplers; they must not raise.
    """

    prompt_ids: tuple[int, ...]
    max_tokens: int
    sampling: SamplingParams = field(default_factory=SamplingParams)
    stop: tuple[str, ...] = ()
    grammar: Grammar | None = None
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    sampled_logprobs: bool = False
    scores_end: bool = False
    skip_special_tokens: bool = True
    stop_id: str = ""
    media: tuple[Media, ...] = ()
    layout: ReplyLayout | None = None
    max_reasoning: int | None = None
    max_calls: int | None = None
    drops_leading_space: bool = False
    adapters: Adapters | None = None
    unrendered: Unrendered | None = None
    given: frozenset[str] = frozenset()
    logits_processors: tuple[LogitsProcessor, ...] = ()

    def with_sampling(self, sampling: SamplingParams) -> "GenerationRequest":
        """The same prompt, drawn another way."""
        return replace(self, sampling=sampling)
