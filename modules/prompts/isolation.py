"""Templates that come with requests are rendered in a process of their own: a few characters of Jinja can take all time and memory."""

import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modules.prompts.sandbox import MAX_TEXT, TemplateFault

START_SECONDS = 20.0
RENDER_SECONDS = 2.0
_LINE_LIMIT = 12 * MAX_TEXT
"""JSON may take six bytes for a character, and twelve for one beyond the first 65,536."""

_ROOT = Path(__file__).parents[2]
_ENVIRONMENT = ("SYSTEMROOT", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What the process may see of this one's environment, which can hold keys."""


class IsolatedTemplate:
    """Does what CompiledTemplate does. Threads may share it; they take turns. The process ends with this object."""

    def __init__(self, text: str) -> None:
        self._turn = threading.Lock()
        self._process = _start()
        weakref.finalize(self, _end, self._process)
        try:
            self._ask(text, START_SECONDS)
        except TemplateFault:
            _end(self._process)
            raise

    @property
    def is_usable(self) -> bool:
        """False once it has taken too long: its process was ended then."""
        return self._process.poll() is None

    def render(self, names: Mapping[str, Any]) -> str:
        """TemplateFault when it refuses or fails, or takes too much time or memory."""
        return self._ask(names, RENDER_SECONDS)

    def _ask(self, question: Any, seconds: float) -> str:
        line = json.dumps(question).encode() + b"\n"
        with self._turn:
            timer = threading.Timer(seconds, self._process.kill)
            timer.start()
            try:
                answer = _exchange(self._process, line)
            finally:
                timer.cancel()
            if not answer.endswith(b"\n"):
                _end(self._process)
                raise TemplateFault("it takes too much time or memory")
        found = json.loads(answer)
        if "fault" in found:
            raise TemplateFault(found["fault"], is_refusal=found["is_refusal"])
        return found["text"]


def _exchange(process: subprocess.Popen[bytes], line: bytes) -> bytes:
    """The answer; without its line end when the process is no more."""
    if process.stdin is None or process.stdout is None or process.stdin.closed:
        return b""
    try:
        process.stdin.write(line)
        process.stdin.flush()
        return process.stdout.readline(_LINE_LIMIT)
    except OSError:
        return b""


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-s", "-m", "modules.prompts.template_worker"],
        cwd=_ROOT,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl+C is for the server
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # what was not written yet has no reader any more
                continue
