"""OpenAI's names for voices, which most clients send, spread over the voices that there are."""

from collections.abc import Mapping, Sequence

from modules.core.errors import RequestError
from modules.core.speech import Voice

OPENAI_VOICES = (
    "alloy",
    "ash",
    "ballad",
    "coral",
    "echo",
    "fable",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
    "marin",
    "cedar",
)


def spread(voices: Sequence[Voice], preferred: Mapping[str, str] | None = None) -> dict[str, Voice]:
    """A voice for each name, by the ids of `preferred`; the other names take turns."""
    by_id = {voice.id: voice for voice in voices}
    taken = {name: by_id[wanted] for name, wanted in (preferred or {}).items() if wanted in by_id}
    turns = sorted(voices, key=lambda voice: voice in taken.values())  # the free ones first
    others = [name for name in OPENAI_VOICES if name not in taken]
    return taken | {name: turns[place % len(turns)] for place, name in enumerate(others)}


def unknown_voice(name: str, about: str) -> RequestError:
    """`about`: which names this model takes."""
    return RequestError(
        f"There is no voice {name[:64]!r} here. {about} OpenAI's names work too. "
        "GET /v1/audio/voices lists them.",
        param="voice",
        code="voice_not_found",
    )
