"""What the operator sees in the terminal: log lines, and a bar while a model loads."""

import asyncio
import logging
import sys
import threading
from typing import Any

from modules.core.traces import stack_of
from modules.engine.progress import LoadProgress

log = logging.getLogger("hearth.host")

_BAR_WIDTH = 30


class LogFormatter(logging.Formatter):
    """Errors are shown by where they come from, and with what they say only where `WITH_MESSAGES` was given: also those of libraries."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not getattr(record, "with_messages", False):
            record.exc_text = stack_of(error)  # the parent takes it as made already
        return super().format(record)


def set_up_logging(*, is_verbose: bool) -> None:
    """Times and levels on standard error; libraries only speak up when something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    threading.excepthook = _log_end_of_thread
    logging.getLogger("hearth").setLevel(logging.DEBUG if is_verbose else logging.INFO)
    if not is_verbose:
        logging.getLogger("hearth.llamacpp").setLevel(logging.INFO)


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None:
        log.error("A thread ended with an error", exc_info=ended.exc_value)


def log_loose_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's exception handler. Its own would write the error, and what it was called with, as they are."""
    error = context.get("exception")
    if error is None:
        log.error("%s", context["message"])
    else:
        log.error("An error that nobody waited for", exc_info=error)


class ConsoleProgress:
    """A bar that rewrites itself; silent where standard error is no terminal."""

    def __init__(self) -> None:
        self._shown = -1

    def __call__(self, load: LoadProgress) -> None:
        percent = int(load.progress * 100)
        if percent == self._shown or not sys.stderr.isatty():
            return
        self._shown = percent
        filled = _BAR_WIDTH * percent // 100
        bar = "#" * filled + "-" * (_BAR_WIDTH - filled)
        sys.stderr.write(f"\r{load.name} [{bar}] {percent:3d} %")
        sys.stderr.write("\r\033[K" if percent >= 100 else "")
        sys.stderr.flush()
