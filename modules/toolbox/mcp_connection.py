"""One session with an MCP server, which lives in one task from its beginning to its end."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, cast

import anyio

from modules.toolbox.mcp_transport import ErrorTail, open_transport
from modules.toolbox.server_specs import ServerSpec

_PARTING_S = 10.0
"""A process gets 2 seconds to end by itself, 2 more after it was told to, and is then killed (by the library)."""


class ServerFailed(Exception):
    """The message says how, as the end of a sentence."""


class Connection:
    """Begins to open when it is made.

    The library's scopes must be left by the task that entered them, so a task of its own does both; whoever wants something of
    the session asks for it from outside, which the session allows.
    """

    def __init__(
        self, spec: ServerSpec, on_change: Callable[[], None], *, patience_s: float
    ) -> None:
        """`on_change`: called when the server says that its tools have changed. `patience_s`: of requests without a limit."""
        self._spec = spec
        self._on_change = on_change
        self._patience_s = patience_s
        self._tail = ErrorTail()
        self._scope = anyio.CancelScope()
        self._ending = asyncio.Event()
        self._client: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.failure = ""
        self._task = asyncio.create_task(self._live(), name=f"MCP server {spec.name}")

    @property
    def is_alive(self) -> bool:
        return not self._task.done() and not self._ending.is_set()

    async def client(self, timeout_s: float) -> Any:
        """The `mcp.Client`, once the server has answered; ServerFailed when it does not."""
        done, _ = await asyncio.wait([self._client], timeout=timeout_s)
        if not done:
            self.failure = f"it did not answer within {timeout_s:g} seconds"
            await self.close(is_patient=False)
        if self.failure or self._client.cancelled():
            raise ServerFailed(self.failure or "it was stopped")
        return self._client.result()

    async def close(self, *, is_patient: bool = True) -> None:
        """Says goodbye, ends the process; returns when all of it has ended."""
        self._ending.set()
        if is_patient:
            await asyncio.wait([self._task], timeout=_PARTING_S)
        self._scope.cancel()
        await asyncio.wait([self._task])

    async def _live(self) -> None:
        try:
            with self._scope:
                async with self._session() as client:
                    self._client.set_result(client)
                    await self._ending.wait()
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever a server can cause
            await self._note(error)
        finally:
            self._ending.set()
            if not self._client.done():
                self._client.cancel()

    async def _note(self, error: BaseException) -> None:
        """Failures after the session has begun are known by its end alone."""
        if not self._client.done() and not self.failure:
            # The last words of a process are a moment behind its end.
            await asyncio.sleep(0.05)
            self.failure = _sentence(_first(error), self._spec, self._tail.last)

    @asynccontextmanager
    async def _session(self) -> AsyncGenerator[Any]:
        # The import takes a second, which the event loop does not have.
        await asyncio.to_thread(import_module, "mcp")
        from mcp import Client

        # It logs what servers say when that cannot be read, and nothing that is said may be logged.
        logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)
        transport = open_transport(self._spec, self._tail, self._ending.set)
        async with Client(
            transport,
            read_timeout_seconds=self._patience_s,
            message_handler=self._hear,
            cache=None,
        ) as client:
            yield client

    async def _hear(self, message: Any) -> None:
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            self._on_change()


def _first(error: BaseException) -> BaseException:
    """The library's task groups wrap what went wrong, often several times."""
    while isinstance(error, BaseExceptionGroup):
        error = cast(BaseExceptionGroup[BaseException], error).exceptions[0]
    return error


def _sentence(error: BaseException, spec: ServerSpec, last_words: str) -> str:
    if isinstance(error, FileNotFoundError) and spec.command:
        return f"the command {spec.command!r} was not found"
    if isinstance(error, OSError) and spec.command:
        return f"the command {spec.command!r} cannot be run: {error.strerror or error}"
    if isinstance(error, ModuleNotFoundError):
        return f"the Python package {error.name} is not installed"
    reason = str(error) or type(error).__name__
    if spec.url:
        return f"{spec.url} does not answer as an MCP server: {reason[:300]}"
    return f"it ended before it answered: {last_words or reason}"[:300]
