"""Toolboxes over folders of their own, and MCP servers as processes."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from modules.toolbox.toolbox import Toolbox

SERVERS = Path(__file__).parent / "servers"


def server_entry(script: str, *arguments: str, **fields: Any) -> dict[str, Any]:
    """The entry of mcp.json for one of the servers in `servers`."""
    return {"command": sys.executable, "args": [str(SERVERS / script), *arguments], **fields}


def write_servers(folder: Path, **servers: Any) -> None:
    (folder / "mcp.json").write_text(json.dumps({"mcpServers": servers}))


def is_running(process_id: int) -> bool:
    """A process that has ended but was not waited for does not count."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def eventually(read: Callable[[], Awaitable[bool]]) -> None:
    """Waits until it is true; fails when that takes too long."""
    for _ in range(2000):
        if await read():
            return
        await asyncio.sleep(0.01)
    pytest.fail("what was waited for did not happen")


@contextmanager
def http_server(kind: str, port: int = 0) -> Iterator[int]:
    """Runs `honest.py` over HTTP; gives its port."""
    command = [sys.executable, str(SERVERS / "honest.py"), kind, str(port)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@pytest.fixture
def serve_http() -> Iterator[Callable[..., int]]:
    with ExitStack() as stack:
        yield lambda kind, port=0: stack.enter_context(http_server(kind, port))


@pytest.fixture
async def open_toolbox(tmp_path: Path) -> AsyncIterator[Callable[..., Toolbox]]:
    """Makes toolboxes over `tmp_path`, which are closed after the test."""
    opened: list[Toolbox] = []

    def open_one(**options: Any) -> Toolbox:
        opened.append(Toolbox(tmp_path, **options))
        return opened[-1]

    yield open_one
    for toolbox in opened:
        await toolbox.close()
