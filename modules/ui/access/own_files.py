"""With `--multi-user`, files that a person uploads, or that an event makes for them, are that person's only.

Gradio keeps all files in folders of one place, named after their content, and lets everybody read them who knows the name.
"""

# pyright: basic
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gradio import processing_utils, route_utils, utils

from modules.ui.access.caller import caller, folder_of, is_of_another

_is_allowed = utils.is_allowed_file
_upload = route_utils.GradioUploadFile


def give_files_owners() -> None:
    """From now on. Files that are made while nobody calls, or for all (`calling_as(None)`), belong to nobody."""
    utils.is_allowed_file = _is_allowed_to_caller
    route_utils.GradioUploadFile = OwnUpload
    for name, name_folder in _NAMERS.items():
        setattr(processing_utils, name, _with_owner(name_folder))


def leave_files_to_all() -> None:
    """As Gradio does it: the program may have begun anew in the same process, with other settings."""
    utils.is_allowed_file = _is_allowed
    route_utils.GradioUploadFile = _upload
    for name, name_folder in _NAMERS.items():
        setattr(processing_utils, name, name_folder)


def _is_allowed_to_caller(path: Path, *args: Any, **values: Any) -> tuple[bool, Any]:
    """Asked for every file that is sent, and for every one that an event names."""
    if is_of_another(Path(os.path.realpath(path))):
        return False, "not_created_or_allowed"
    return _is_allowed(path, *args, **values)


def _owned(folder: str) -> str:
    login = caller()
    return folder if login is None else f"{folder_of(login)}/{folder}"


def _with_owner(name_folder: Callable[..., str]) -> Callable[..., str]:
    return lambda *args, **values: _owned(name_folder(*args, **values))


_NAMERS = {
    name: getattr(processing_utils, name)
    for name in ("hash_file", "hash_bytes", "hash_base64", "hash_url")
}
"""What Gradio names folders with."""


class OwnUpload(_upload):
    """A file on its way in. Gradio names its folder after `sha`."""

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self.sha = _OwnDigest(self.sha)


class _OwnDigest:
    def __init__(self, digest: Any) -> None:
        self._digest = digest
        self.update = digest.update

    def hexdigest(self) -> str:
        return _owned(self._digest.hexdigest())
