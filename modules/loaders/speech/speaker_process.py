"""The program of the process that speaks; `process.py` starts it.

It reads lines of JSON: first what to load, then what to say, one passage at a time; `cancel` ends the passage under way. It answers in
frames: `ready` with a description, `sound`, and `done` or `fault` after each passage.
"""

import json
import os
import queue
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from modules.core.errors import AppError, LoadError, ModelError
from modules.core.jobs import Job
from modules.core.speech import Utterance, Voice
from modules.loaders.speech.engines import ENGINES, SpeechEngine
from modules.loaders.speech.frames import write_frame

FRAME_BYTES = 2**15
"""Less than a second: what takes them can be stopped between two."""


def main() -> None:
    _forbid_core_dumps()
    answers = _claim_stdout()
    inbox = Inbox(sys.stdin.buffer)
    engine = _load(inbox, answers)
    while engine is not None and (asked := inbox.next()) is not None:
        _answer(engine, *asked, answers)


class Inbox:
    """Reads ahead, so that `cancel` is heard while something is spoken: it means the message before it."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._waiting: queue.Queue[tuple[dict[str, Any], Job] | None] = queue.Queue()
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def next(self) -> tuple[dict[str, Any], Job] | None:
        """None when the server is gone."""
        return self._waiting.get()

    def _read(self, pipe: BinaryIO) -> None:
        job = Job()
        for line in pipe:
            message = json.loads(line)
            if "cancel" in message:
                job.cancel()
            else:
                job = Job()
                self._waiting.put((message, job))
        job.cancel()
        self._waiting.put(None)


def _load(inbox: Inbox, answers: BinaryIO) -> SpeechEngine | None:
    asked = inbox.next()
    if asked is None:
        return None
    wanted, _ = asked
    try:
        path = Path(wanted["path"]) if wanted["path"] else None
        engine = ENGINES[wanted["loader"]]()(path)
        if path is not None:
            _try_out(engine)
    except Exception as error:  # noqa: BLE001 - told to the server, which knows what to do
        write_frame(answers, "fault", _described(error))
        return None
    ready = {"sample_rate": engine.sample_rate, **engine.description}
    write_frame(answers, "ready", json.dumps(ready).encode())
    return engine


def _try_out(engine: SpeechEngine) -> None:
    """What is wrong with a graph or its language shows when it first speaks."""
    voice = Voice(**engine.description["voices"][0])
    try:
        engine.speak(Utterance("a", voice), Job(), lambda _: None)
    except AppError:
        raise
    except Exception as error:
        raise LoadError(f"It was loaded, but cannot speak: {_first_line(error)}") from error


def _answer(engine: SpeechEngine, passage: dict[str, Any], job: Job, answers: BinaryIO) -> None:
    def send(sound: bytes) -> None:
        for start in range(0, len(sound), FRAME_BYTES):
            job.check()
            write_frame(answers, "sound", sound[start : start + FRAME_BYTES])

    utterance = Utterance(passage["text"], Voice(**passage["voice"]), passage["speed"])
    try:
        engine.speak(utterance, job, send)
    except Exception as error:  # noqa: BLE001 - told to the server, which knows what to do
        write_frame(answers, "fault", _described(error))
    else:
        write_frame(answers, "done")


def _described(error: Exception) -> bytes:
    """Messages of other libraries may repeat what was to be said, so they stay here."""
    if isinstance(error, ModuleNotFoundError):
        return json.dumps({"missing": error.name}).encode()
    if not isinstance(error, AppError):
        error = ModelError(f"The voice failed ({type(error).__name__}).")
    details = {"message": error.message, "param": getattr(error, "param", None), "code": error.code}
    return json.dumps({"kind": type(error).__name__, **details}).encode()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _claim_stdout() -> BinaryIO:
    """Libraries in C print; what they print must not get between the frames."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _forbid_core_dumps() -> None:
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
