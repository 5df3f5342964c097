"""A process that speaks. eSpeak NG, from which all voices have their phonemes, crashes on some texts: there it takes nothing with it."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from modules.core import errors
from modules.core.jobs import Job
from modules.core.speech import Utterance
from modules.loaders.media_catalog import InstalledMedia
from modules.loaders.speech.frames import Kind, read_frame, to_line

LOAD_SECONDS = 300.0
SILENT_SECONDS = 120.0
"""What brings no sound for so long will not bring any more."""
CANCEL_SECONDS = 10.0
END_SECONDS = 5.0
GLANCE_SECONDS = 0.05
"""How often it is looked whether the job was cancelled."""
MAX_AHEAD = 64
"""Frames that wait here to be taken; then the process waits."""

_ROOT = Path(__file__).parents[3]
_PROGRAM = ("-m", "modules.loaders.speech.speaker_process")
_ENVIRONMENT = ("SYSTEMROOT", "TZ", "PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What the process may see of this one's environment, which can hold keys."""
_FAULTS = {
    each.__name__: each
    for each in (errors.NotInstalled, errors.LoadError, errors.ModelError, errors.Cancelled)
}

Frame = tuple[Kind, bytes]
_NOTHING: Frame = ("sound", b"")


class SpeakerDied(Exception):
    """The process ended while it was needed. `has_spoken`: some sound of the passage was sent before."""

    def __init__(self, *, has_spoken: bool) -> None:
        super().__init__("the process that speaks has died")
        self.has_spoken = has_spoken


class SpeakerProcess:
    """Starts the process and loads the model: LoadError where that fails, ModuleNotFoundError where a library is missing.

    `description` is the engine's. All methods belong to one thread.
    """

    def __init__(self, model: InstalledMedia) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hearth-speech-")
        self._process = _start(self._folder.name)
        self._frames: queue.Queue[Frame | None] = queue.Queue(MAX_AHEAD)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.description = self._load(model)
        except BaseException:
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def speak(self, utterance: Utterance, job: Job, send: Callable[[bytes], object]) -> None:
        """One passage, as of Speaker. SpeakerDied where the process did not live through it."""
        voice = utterance.voice
        said = {name: getattr(voice, name) for name in voice.__slots__}
        self._tell({"text": utterance.text, "voice": said, "speed": utterance.speed})
        has_spoken = False
        for kind, body in self._answers(job, SILENT_SECONDS):
            if kind != "sound":
                job.check()
                return _raise_fault(body) if kind == "fault" else None
            if not job.is_cancelled:
                has_spoken = True
                self._pass_on(body, send)
        self._kill()  # its pipe may be closed a moment before it is gone
        job.check()
        raise SpeakerDied(has_spoken=has_spoken)

    def close(self) -> None:
        """Frees everything. The process ends by itself when its input does, and takes its own temporary files along."""
        with suppress(OSError):
            self._pipe_in.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
        while self._reader.is_alive():
            with suppress(queue.Empty):
                self._frames.get(timeout=GLANCE_SECONDS)
        self._pipe_out.close()
        self._folder.cleanup()

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def _pipe_in(self) -> Any:
        return self._process.stdin

    @property
    def _pipe_out(self) -> Any:
        return self._process.stdout

    def _load(self, model: InstalledMedia) -> dict[str, Any]:
        path = str(model.path.absolute()) if model.path else None
        self._tell({"loader": model.loader, "path": path})
        for kind, body in self._answers(Job(), LOAD_SECONDS):
            return _raise_fault(body) if kind == "fault" else json.loads(body)
        raise errors.LoadError(f"{model.name} could not be loaded: its process crashed or hung.")

    def _answers(self, job: Job, patience_s: float) -> Iterator[Frame]:
        """What the process says until it ends, or is ended since it says nothing. It is told when the job is cancelled."""
        is_told = False
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            try:
                frame = self._frames.get(timeout=GLANCE_SECONDS)
            except queue.Empty:
                frame = _NOTHING
            if frame is None:
                return
            if frame is not _NOTHING:
                deadline = time.monotonic() + (CANCEL_SECONDS if is_told else patience_s)
                yield frame
            if job.is_cancelled and not is_told:
                is_told = True
                deadline = time.monotonic() + CANCEL_SECONDS
                self._tell({"cancel": True})
        self._kill()

    def _pass_on(self, sound: bytes, send: Callable[[bytes], object]) -> None:
        """Where nobody takes it any more, the rest of the passage is heard to its end, so that the next one does not begin with it."""
        try:
            send(sound)
        except BaseException:
            for kind, _ in self._answers(Job(is_cancelled=True), CANCEL_SECONDS):
                if kind != "sound":
                    break
            raise

    def _tell(self, message: dict[str, Any]) -> None:
        with suppress(OSError):  # where it is dead, its answers end
            self._pipe_in.write(to_line(message))
            self._pipe_in.flush()

    def _read(self) -> None:
        """In a thread of its own, since not everywhere can a pipe be read with a time limit."""
        while (frame := read_frame(self._pipe_out)) is not None:
            self._frames.put(frame)
        self._frames.put(None)


def _raise_fault(body: bytes) -> NoReturn:
    fault: dict[str, Any] = json.loads(body)
    if "missing" in fault:
        raise ModuleNotFoundError(name=fault["missing"])
    if fault["kind"] in _FAULTS:
        raise _FAULTS[fault["kind"]](fault["message"])
    raise errors.RequestError(fault["message"], param=fault["param"], code=fault["code"])


def _start(folder: str) -> subprocess.Popen[bytes]:
    known = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder)
    return subprocess.Popen(
        [sys.executable, "-s", *_PROGRAM],
        cwd=_ROOT,
        env=known | temporary,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl+C is for the server
    )
