# pyright: basic
"""What the runner notes for each slot, and for each sequence in one."""

from dataclasses import dataclass, field

from modules.loaders.base import Sequence
from modules.loaders.llamacpp.places import PromptPlaces
from modules.loaders.llamacpp.sampling import SamplerChain


@dataclass(slots=True)
class Slot:
    """One sequence id of llama.cpp. `cached`: tokens in its KV memory while nobody uses it."""

    index: int
    cached: list[int] = field(default_factory=list)
    sequence: Sequence | None = None
    last_used: int = 0


@dataclass(slots=True)
class State:
    """What the runner keeps for a sequence. `places`: where its pictures are; None without any.

    `leader`: the request that is computing the first `keep` tokens of both; this one waits for them.
    """

    chain: SamplerChain
    places: PromptPlaces | None = None
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
