"""Where the browser of the tests is, and how a person gets one."""

import os
import shutil
from functools import cache

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HINT = "there is no Chromium: install one (Debian, Ubuntu: `sudo apt install chromium`), or name its program in HEARTH_CHROMIUM"


@cache
def find_chromium() -> str | None:
    """The program's path: HEARTH_CHROMIUM, else the first of the usual names that is there."""
    named = os.environ.get("HEARTH_CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


def launch_flags() -> list[str]:
    """Chromium's sandbox does not work for root."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return ["--no-sandbox"] if is_root else []
