"""What speaks, inside a speaker's process."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from modules.core.jobs import Job
from modules.core.speech import Utterance


class SpeechEngine(Protocol):
    """`description` is what the server needs to know of it to find its voices; it can be said in JSON."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def description(self) -> Mapping[str, Any]: ...

    def speak(self, utterance: Utterance, job: Job, send: Callable[[bytes], object]) -> None:
        """As of Speaker, for a text of one passage."""
        ...


LoadEngine = Callable[[Path | None], SpeechEngine]
"""LoadError says why it could not."""


def _espeak() -> LoadEngine:
    from modules.loaders.speech.espeak_engine import load_espeak

    return load_espeak


def _piper() -> LoadEngine:
    from modules.loaders.speech.piper_engine import load_piper

    return load_piper


def _kokoro() -> LoadEngine:
    from modules.loaders.speech.kokoro_engine import load_kokoro

    return load_kokoro


ENGINES: Mapping[str, Callable[[], LoadEngine]] = {
    "espeak": _espeak,
    "piper": _piper,
    "kokoro": _kokoro,
}
