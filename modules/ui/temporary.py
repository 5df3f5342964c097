"""The folder for files that were uploaded to pages or made for them: only this user reads it, and it ends with the program."""

import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "hearth-ui-"


def make_temporary_folder() -> Path:
    """A new folder, named after this process; those that killed ones have left are deleted."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        if not _is_running(left.name.removeprefix(PREFIX).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))


def remove_temporary_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _is_running(pid: str) -> bool:
    """True also where it cannot be known."""
    if os.name != "posix" or not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
