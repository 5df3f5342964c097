"""What the operator sees in the terminal: log lines, and a bar while a model loads."""

import logging
import sys

from modules.engine.progress import LoadProgress

_BAR_WIDTH = 30


def set_up_logging(*, is_verbose: bool) -> None:
    """Times and levels on standard error; libraries only speak up when something is wrong."""
    logging.basicConfig(
        format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S", level=logging.WARNING
    )
    logging.getLogger("hearth").setLevel(logging.DEBUG if is_verbose else logging.INFO)
    if not is_verbose:
        logging.getLogger("hearth.llamacpp").setLevel(logging.INFO)


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
