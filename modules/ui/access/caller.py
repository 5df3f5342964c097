"""Whose request or event is under way, for what Gradio calls without saying so."""

import hashlib
import re
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

FOLDER = re.compile(r"login-[0-9a-f]{32}")
_login: ContextVar[str | None] = ContextVar("login", default=None)


@contextmanager
def calling_as(login: str | None) -> Generator[None]:
    """None: nobody in particular, whose files everybody may read."""
    token = _login.set(login)
    try:
        yield
    finally:
        _login.reset(token)


def caller() -> str | None:
    """None without logins, and outside of requests and events."""
    return _login.get()


def folder_of(login: str) -> str:
    """The name of the folder for files that belong to a login."""
    return f"login-{hashlib.sha256(login.encode(errors='surrogatepass')).hexdigest()[:32]}"


def is_of_another(path: Path) -> bool:
    """Whether a file is in the folder of a login that is not the caller's. `path`: resolved."""
    folders = [part for part in map(str.lower, path.parts) if FOLDER.fullmatch(part)]
    login = caller()
    own = None if login is None else folder_of(login)
    return any(folder != own for folder in folders)
