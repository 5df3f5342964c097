"""The text of a PDF. It is read in a process of its own: a few bytes of PDF can take all time and memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

from modules.core.errors import NotInstalled, RequestError

MAX_PAGES = 1000
SECONDS = 60.0

_ROOT = Path(__file__).parents[2]
_ENVIRONMENT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What the process may see of this one's environment, which can hold keys."""
_REASONS = {
    "encrypted": "it is protected by a password",
    "broken": "it is damaged, or no PDF",
}


def read_pdf(data: bytes, *, max_chars: int) -> tuple[str, str]:
    """The text of its pages, and what was cut, if anything. RequestError when it cannot be read. Blocking."""
    answer = _ask(data, max_chars)
    if answer.get("fault") == "not installed":
        raise NotInstalled("PDF files cannot be read: the package pypdf is not installed.")
    if "fault" in answer:
        raise _broken(_REASONS[str(answer["fault"])])
    pages, read = int(answer["pages"]), int(answer["read"])
    notice = f"the first {read:,} of {pages:,} pages" if read < pages else ""
    return str(answer["text"]), notice


def _ask(data: bytes, max_chars: int) -> dict[str, str | int]:
    command = [sys.executable, "-s", "-m", "modules.chats.pdf_worker"]
    try:
        done = subprocess.run(
            [*command, str(MAX_PAGES), str(max_chars)],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
            cwd=_ROOT,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,  # Ctrl+C is for the server
        )
    except subprocess.TimeoutExpired:
        raise _broken("that takes too long") from None
    if done.returncode != 0:
        raise _broken("that takes too much time or memory")
    return json.loads(done.stdout)


def _broken(reason: str) -> RequestError:
    return RequestError(f"It cannot be read: {reason}.", param="file")
