"""What eSpeak NG says of one of its voices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """`identifier` is what the library is given; `languages` are codes, each with its rank (the lowest is the best match)."""

    identifier: str
    name: str
    gender: str
    languages: tuple[tuple[int, str], ...]

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "EspeakVoice":
        languages = tuple((rank, code) for rank, code in said["languages"])
        return cls(said["identifier"], said["name"], said["gender"], languages)
