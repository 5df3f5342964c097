"""Extensions of a test's own server, and how they are switched while it runs."""

from pathlib import Path

import httpx

SWITCH = """
import asyncio

from modules.extensions import disable_extension, enable_extension


def routes(app):
    @app.post("/switch/{name}/{state}")
    async def switch(name: str, state: str) -> list[str]:
        context = app.state.context
        change = enable_extension if state == "on" else disable_extension
        await asyncio.to_thread(change, context, name)
        return [fault.text for fault in context.hooks.faults]
"""
"""An extension by which a test switches the others."""


def write_extension(folder: Path, name: str, script: str) -> None:
    """Into the user data of a server that will be started in `folder`."""
    target = folder / "user_data" / "extensions" / name
    target.mkdir(parents=True)
    (target / "script.py").write_text(script, encoding="utf-8")


def switch(http: httpx.Client, name: str, state: str) -> list[str]:
    """`on` or `off`; the faults so far, the last one first."""
    response = http.post(f"/switch/{name}/{state}")
    assert response.status_code == 200, response.text
    return response.json()
