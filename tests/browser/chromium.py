"""How the browser of the tests is started, and how a person gets one."""

import os

from start import find_chromium

__all__ = ["HINT", "find_chromium", "launch_flags"]

HINT = "there is no Chromium: `python3 start.py test` says how to get one"


def launch_flags() -> list[str]:
    """Chromium's sandbox does not work for root."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return ["--no-sandbox"] if is_root else []
