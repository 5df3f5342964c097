"""How bytes go to an MCP server: by the pipes of a process, or over HTTP; and how it is noticed that they no longer do."""

import asyncio
import contextlib
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from modules.toolbox.server_specs import ServerSpec

_TAIL_LINES = 20
_LINE_LIMIT = 2_000
_CONNECT_TIMEOUT_S = 10.0
_READ_TIMEOUT_S = 24 * 3600.0
"""How long a server may be silent; calls have limits of their own."""


class ErrorTail:
    """The last lines that a process has written to its standard error: what it says when it cannot start.

    They are read by a thread, the one way that works on every system, and never reach a log.
    """

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)

    @contextlib.contextmanager
    def file(self) -> Any:
        """A text file for the process to write to."""
        reading, writing = os.pipe()
        thread = threading.Thread(target=self._read, args=(reading,), daemon=True)
        thread.start()
        with os.fdopen(writing, "w") as file:
            yield file

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "r", errors="replace") as file:
            while line := file.readline(_LINE_LIMIT):
                if line.strip():
                    self._lines.append(line.strip())

    @property
    def last(self) -> str:
        return self._lines[-1] if self._lines else ""


@asynccontextmanager
async def open_transport(
    spec: ServerSpec, tail: ErrorTail, on_end: Callable[[], None]
) -> AsyncGenerator[Any]:
    """The streams to and from a server; `on_end` is called when the server's side has ended."""
    opened = _over_http(spec) if spec.url else _by_pipes(spec, tail)
    async with opened as (reading, writing):
        yield _Watched(reading, on_end), writing


@asynccontextmanager
async def _by_pipes(spec: ServerSpec, tail: ErrorTail) -> AsyncGenerator[Any]:
    from mcp import StdioServerParameters, stdio_client

    parameters = StdioServerParameters(
        command=spec.command, args=list(spec.args), env=dict(spec.env), cwd=spec.cwd
    )
    with tail.file() as errors:
        async with stdio_client(parameters, errlog=errors) as streams:
            yield streams
    # The thread of the tail has the last words a moment after the process has ended.
    await asyncio.sleep(0)


@asynccontextmanager
async def _over_http(spec: ServerSpec) -> AsyncGenerator[Any]:
    headers = dict(spec.headers)
    if spec.is_sse:
        from mcp.client.sse import sse_client

        async with sse_client(
            spec.url, headers, timeout=_CONNECT_TIMEOUT_S, sse_read_timeout=_READ_TIMEOUT_S
        ) as streams:
            yield streams
        return
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    timeout = httpx2.Timeout(_CONNECT_TIMEOUT_S, read=_READ_TIMEOUT_S)
    async with (
        httpx2.AsyncClient(headers=headers, timeout=timeout) as client,
        streamable_http_client(spec.url, http_client=client) as streams,
    ):
        yield streams


class _Watched:
    """A stream of messages that tells when it has ended."""

    def __init__(self, stream: Any, on_end: Callable[[], None]) -> None:
        self._stream = stream
        self._on_end = on_end

    @property
    def last_context(self) -> Any:
        return getattr(self._stream, "last_context", None)

    def __aiter__(self) -> "_Watched":
        return self

    async def __anext__(self) -> Any:
        import anyio

        try:
            return await self._stream.__anext__()
        except (StopAsyncIteration, anyio.ClosedResourceError):
            self._on_end()
            raise

    async def receive(self) -> Any:
        return await self._stream.receive()

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> "_Watched":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
