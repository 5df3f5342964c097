"""The one door between the application and the inference libraries: protocols and the values they exchange.

Here those of models that write text in this process; `remote_base.py` has those of another server, `media_base.py` all other kinds.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from modules.core.errors import AppError
from modules.core.events import TokenLogprob
from modules.core.messages import Image
from modules.core.requests import GenerationRequest


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a loaded model. What it can do is data here, never a question about its class.

    `context_length` in tokens for one request; `slots`: requests that run at once; `samplers`: names of
    the fields of SamplingParams that the loader honours; `options`: the load options in effect. 0 is unknown.

    `renders_itself`: it is another server's, takes `unrendered` prompts and has its own chat template; `takes` are then the fields of
    requests beyond OpenAI's that it heeds. `max_logprobs`: most alternatives that it reports, None without a limit.
    """

    name: str
    loader: str
    context_length: int
    slots: int
    vocabulary_size: int
    samplers: frozenset[str]
    capabilities: tuple[str, ...] = ("completion", "chat")
    chat_template: str | None = None
    bos_text: str = ""
    eos_text: str = ""
    train_context_length: int | None = None
    architecture: str | None = None
    description: str | None = None
    parameters: int | None = None
    size_bytes: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    renders_itself: bool = False
    takes: frozenset[str] = frozenset()
    max_logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class PlacedImage:
    """The places that a picture takes in a prompt: `length` of its own, between tokens that stand around it."""

    length: int
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()


def image_ids(digest: int, length: int) -> tuple[int, ...]:
    """What stands for a picture among the token ids of a prompt: negative, and the same for equal pictures only."""
    return (-1 - digest,) * length


class Tokenizer(Protocol):
    """Text to token ids and back. Every method may be called from any thread."""

    @property
    def size(self) -> int: ...

    @property
    def start_id(self) -> int:
        """Stands for an empty prompt: BOS, or what else begins a document."""
        ...

    @property
    def longest_piece(self) -> int:
        """Most bytes of one token: how little a text can be, in tokens, is known from its length."""
        ...

    @property
    def control_texts(self) -> frozenset[str]:
        """Texts that `parse_special` reads as control tokens; what people write must not become one."""
        ...

    def encode(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        """`add_special`: add BOS/EOS where the model wants them; `parse_special`: read `<|…|>` as control tokens."""
        ...

    def piece(self, token_id: int, *, special: bool) -> bytes:
        """The token's bytes, perhaps not whole characters; control tokens are empty unless `special`."""
        ...

    def control_text(self, token_id: int) -> str | None:
        """The text of a control token, None for every other; cheap enough to ask for each token."""
        ...

    def is_end(self, token_id: int) -> bool:
        """Whether this token ends a reply."""
        ...

    def infill(self, prefix: str, suffix: str) -> list[int] | None:
        """A fill-in-the-middle prompt, or None where the vocabulary has no tokens for it."""
        ...


class TokenConstraint(Protocol):
    """A grammar that walks along with one reply. `bitmask` is little-endian bits of 32-bit words."""

    def bitmask(self) -> Any:
        """numpy int32 array of ceil(vocabulary / 32) words; a set bit allows the token."""
        ...

    def accept(self, token_id: int) -> None: ...

    @property
    def is_finished(self) -> bool:
        """Nothing but the end may follow."""
        ...


@dataclass(slots=True, eq=False)
class Sequence:
    """One admitted request inside a runner.

    `tokens`: prompt and reply so far; `computed` of them have their KV in the slot. `state` is the
    runner's own (its sampler chain). `forced`: tokens that come next, instead of what would be drawn.
    """

    request: GenerationRequest
    tokens: list[int]
    constraint: TokenConstraint | None = None
    slot: int = -1
    computed: int = 0
    cached_tokens: int = 0
    prompt_logprobs: list[TokenLogprob] = field(default_factory=list[TokenLogprob])
    forced: deque[int] = field(default_factory=deque[int])
    state: Any = None

    @property
    def prompt_length(self) -> int:
        return len(self.request.prompt_ids)


@dataclass(slots=True)
class Sampled:
    """One new token of one sequence."""

    sequence: Sequence
    token_id: int
    logprob: TokenLogprob | None = None


@dataclass(slots=True)
class Step:
    """What one forward brought. `scored`: prompts that needed only their log-probabilities are done.

    `preempted`: sequences that had to give their KV back; admit them again later, nothing is lost.
    """

    sampled: list[Sampled] = field(default_factory=list[Sampled])
    scored: list[Sequence] = field(default_factory=list[Sequence])
    preempted: list[Sequence] = field(default_factory=list[Sequence])
    failed: list[tuple[Sequence, AppError]] = field(default_factory=list[tuple[Sequence, AppError]])


class TextRunner(Protocol):
    """Owns the weights and the KV memory of one model; knows nothing of threads, HTTP or text.

    Everything but `info`, `tokenizer`, `prepare`, `place_image` and `read_adapter` is called from one thread. A request names its
    adapters, none or more of those that were added, in `adapters`; what it says is the same whoever runs beside it.
    """

    @property
    def info(self) -> ModelInfo: ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    def prepare(self, request: GenerationRequest) -> None:
        """Do what takes long for this request, once; called from any thread before it is admitted.

        What was made of its pictures is kept as long as their `Image` objects live.
        """
        ...

    def place_image(self, image: Image) -> PlacedImage:
        """How a picture stands in a prompt; quick, from any thread. Unsupported where the model has no eyes."""
        ...

    def admit(self, sequence: Sequence) -> bool:
        """Take a slot and reuse the longest cached prefix; False when there is no room now."""
        ...

    def step(self) -> Step:
        """One forward over every admitted sequence: next tokens and chunks of prompts together."""
        ...

    def release(self, sequence: Sequence) -> None:
        """Leave the slot, if it has one; its KV stays as cache until it is needed."""
        ...

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the LoRA adapters that are there for requests."""
        ...

    def read_adapter(self, path: Path) -> Any:
        """Everything about an adapter that can be done in any thread beside the running steps. LoadError with the reason."""
        ...

    def add_adapter(self, name: str, read: Any) -> None:
        """Make what `read_adapter` returned usable by requests. LoadError where it does not fit the model; nothing is changed then."""
        ...

    def drop_adapter(self, name: str) -> None:
        """Free it, and what was computed with it. No admitted sequence may use it."""
        ...

    def build_grammar_tokenizer(self) -> Any:
        """An `llguidance.LLTokenizer` over this vocabulary; takes up to a second, so keep it."""
        ...

    def close(self) -> None: ...


Progress = Callable[[float], bool]
"""Told how much of a load is done, from 0 to 1; False means: give it up."""


class TextLoader(Protocol):
    """Turns a path into a runner; raises LoadError with the reason."""

    def __call__(
        self, path: Path, name: str, options: Mapping[str, Any], progress: Progress
    ) -> TextRunner: ...
