"""What is to be said, and in which voice."""

from dataclasses import dataclass

SPEEDS = (0.25, 4.0)
"""The slowest and the fastest, as multiples of a voice's own speed. Every speaker keeps to all of them."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of a loaded model.

    `id` is what requests name; `language` a code such as `en-us`; `gender` is `male`, `female` or empty where it is not known. `key` is
    for the model alone: what it calls this voice.
    """

    id: str
    name: str
    language: str
    gender: str = ""
    key: str = ""

    def speaks(self, language: str) -> bool:
        """Whether this is its language or a dialect of it, or the other way round."""
        own, other = self.language.lower(), language.lower()
        return own == other or own.startswith(f"{other}-") or other.startswith(f"{own}-")


@dataclass(frozen=True, slots=True)
class Utterance:
    """`text` is plain: no markup in it means anything. `speed` is a multiple of the voice's own, within SPEEDS."""

    text: str
    voice: Voice
    speed: float = 1.0
