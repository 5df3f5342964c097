"""What the runner notes for each slot, and for each sequence in one."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from modules.core.requests import Adapters
from modules.core.sampling import SamplingParams
from modules.loaders.base import Sequence


@dataclass(slots=True)
class Slot:
    """The place of one sequence in the KV memory. `cached`: tokens in its KV memory while nobody uses it, computed with `adapters`."""

    index: int
    cached: list[int] = field(default_factory=list[int])
    adapters: Adapters = ()
    sequence: Sequence | None = None
    last_used: int = 0


class SamplerChain(Protocol):
    """What draws the tokens of one request; the library's own business but for this."""

    def free(self) -> None: ...


class DrySource(Protocol):
    """Stages of DRY, a penalty on repetitions, for one vocabulary."""

    def prepare(self, params: SamplingParams, context_length: int) -> None:
        """What takes long, once for these values; from any thread."""
        ...

    def clone(self, params: SamplingParams, context_length: int) -> Any:
        """A stage that frees itself with its chain."""
        ...

    def free(self) -> None: ...


class Places(Protocol):
    """Where the pictures of a prompt stand, and what positions the model counts around them."""

    def position(self, index: int) -> int: ...

    def is_picture(self, index: int) -> bool: ...

    def cut(self, index: int) -> int: ...

    def until_other(self, index: int, end: int) -> int: ...

    def token_ids(self, tokens: list[int], start: int, end: int) -> list[int]: ...

    def at(self, index: int) -> Any: ...


@dataclass(slots=True)
class State:
    """What the runner keeps for a sequence. `places`: where its pictures are; None without any.

    `leader`: the request that is computing the first `keep` tokens of both; this one waits for them.
    """

    chain: SamplerChain
    places: Places | None = None
    leader: Sequence | None = None
    keep: int = 0
    admitted: int = 0
    is_counted: bool = False

    def position(self, index: int) -> int:
        """Of the token at `index`, as the model counts."""
        return index if self.places is None else self.places.position(index)

    def is_picture(self, index: int) -> bool:
        return self.places is not None and self.places.is_picture(index)

    def cut(self, index: int) -> int:
        return index if self.places is None else self.places.cut(index)

    def until_other(self, index: int, end: int) -> int:
        return end if self.places is None else self.places.until_other(index, end)

    def token_ids(self, tokens: list[int], start: int, end: int) -> list[int]:
        if self.places is None:
            return tokens[start:end]
        return self.places.token_ids(tokens, start, end)
