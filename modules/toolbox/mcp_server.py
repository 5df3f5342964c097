"""One MCP server of `mcp.json`: connected when it is first wanted, and anew when it has gone away."""

import asyncio
import time
from typing import Any

from modules.toolbox.arguments import schema_problem
from modules.toolbox.mcp_connection import Connection, ServerFailed
from modules.toolbox.mcp_results import to_result, to_text_schema
from modules.toolbox.offered import ListedTool, SourceStatus, State, ToolResult, cut_result
from modules.toolbox.server_specs import ServerSpec

START_TIMEOUT_S = 60.0
"""A first start may have to install something."""
RETRY_S = 30.0
"""A server that failed is not tried again before, except on purpose."""
_PAGE_LIMIT = 50
_TOOL_LIMIT = 500
_DESCRIPTION_LIMIT = 8_000


class McpServer:
    def __init__(self, spec: ServerSpec, *, start_timeout_s: float = START_TIMEOUT_S) -> None:
        self.spec = spec
        self._start_timeout_s = start_timeout_s
        self._connection: Connection | None = None
        self._listing = asyncio.Lock()
        self._connecting = asyncio.Lock()
        self._tools: tuple[ListedTool, ...] | None = None
        self._notes: tuple[str, ...] = ()
        self._failure = ""
        self._failed_at = 0.0

    @property
    def status(self) -> SourceStatus:
        state: State = "idle"
        if self._failure:
            state = "failed"
        elif self._connection and self._connection.is_alive:
            state = "starting" if self._tools is None else "ready"
        count = len(self._tools or ())
        return SourceStatus("mcp", self.spec.name, state, count, self._failure, self._notes)

    async def tools(self) -> tuple[ListedTool, ...]:
        """Starts the server when it does not run. None of its tools when it fails: `status` says why."""
        async with self._listing:
            if self._failure and time.monotonic() - self._failed_at < RETRY_S:
                return ()
            try:
                client = await self._client()
                if self._tools is None:
                    await self._list(client)
            except ServerFailed as failure:
                await self._fail(str(failure))
            return self._tools or ()

    async def call(self, tool: str, arguments: dict[str, Any], timeout_s: float) -> ToolResult:
        """Cancelling tells the server that the answer is no longer wanted."""
        try:
            client = await self._client()
        except ServerFailed as failure:
            return _problem(f"The server {self.spec.name} failed: {failure}.")
        from mcp import MCPError

        try:
            return to_result(await self._asked(client, tool, arguments, timeout_s))
        except ServerFailed as failure:
            return _problem(f"The server {self.spec.name} failed: {failure}.")
        except MCPError as error:
            return _problem(await self._explain(error, timeout_s))
        except TimeoutError:
            return _problem(f"The tool took longer than {timeout_s:g} seconds and was stopped.")
        except (RuntimeError, ValueError):
            return _problem("The server's answer is not what it says its answers are.")

    async def close(self) -> None:
        async with self._connecting:
            await self._drop()

    async def restart(self) -> None:
        """Forgets a failure, so that the next wish starts the server at once."""
        await self.close()
        self._failure, self._notes = "", ()

    async def _asked(
        self, client: Any, tool: str, arguments: dict[str, Any], timeout_s: float
    ) -> Any:
        from mcp import MCPError

        try:
            async with asyncio.timeout(timeout_s):
                return await client.call_tool(tool, arguments, timeout_s + 1)
        except MCPError as error:
            if not _is_unknown_session(error):
                raise
        # The server was started anew meanwhile and has not looked at the call.
        await self.close()
        async with asyncio.timeout(timeout_s):
            return await (await self._client()).call_tool(tool, arguments, timeout_s + 1)

    async def _explain(self, error: Any, timeout_s: float) -> str:
        from mcp.types import CONNECTION_CLOSED, REQUEST_TIMEOUT

        if error.code == CONNECTION_CLOSED:
            return "The server ended in the middle of the call. Whether it did its work is unknown."
        if error.code == REQUEST_TIMEOUT:
            return f"The tool took longer than {timeout_s:g} seconds and was stopped."
        return f"The server refused: {error.message}"

    async def _client(self) -> Any:
        """Of the connection that there is, or of a new one when that has ended."""
        async with self._connecting:
            connection = self._connection
            if connection is None or not connection.is_alive:
                await self._drop()
                self._failure = ""
                connection = self._connection = Connection(
                    self.spec, self._forget_tools, patience_s=self._start_timeout_s
                )
        return await connection.client(self._start_timeout_s)

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._tools = None
        if connection:
            await connection.close()

    def _forget_tools(self) -> None:
        self._tools = None

    async def _fail(self, reason: str) -> None:
        await self.close()
        self._failure, self._failed_at = reason, time.monotonic()

    async def _list(self, client: Any) -> None:
        """All pages; ServerFailed when they cannot be had."""
        from mcp import MCPError

        found: list[Any] = []
        cursor: str | None = None
        try:
            for _ in range(_PAGE_LIMIT):
                page = await client.list_tools(cursor=cursor)
                found += page.tools
                cursor = page.next_cursor
                if cursor is None or len(found) > _TOOL_LIMIT:
                    break
        except MCPError as error:
            raise ServerFailed(f"its tools cannot be listed: {error.message[:200]}") from None
        except ValueError:
            raise ServerFailed("its list of tools is not as the protocol has it") from None
        self._take(found)

    def _take(self, found: list[Any]) -> None:
        tools: list[ListedTool] = []
        notes: list[str] = []
        for tool in {tool.name: tool for tool in found[:_TOOL_LIMIT]}.values():
            schema = to_text_schema(tool.input_schema)
            if problem := schema_problem(schema):
                notes.append(f"The tool {tool.name} is not offered: {problem}.")
            else:
                about = cut_result(tool.description or tool.title or "", _DESCRIPTION_LIMIT)
                tools.append(ListedTool(tool.name, about, schema))
        if len(found) > _TOOL_LIMIT:
            notes.append(f"Only the first {_TOOL_LIMIT} tools are offered.")
        self._tools, self._notes = tuple(tools), tuple(notes)


def _is_unknown_session(error: Any) -> bool:
    """The library's words for a 404 to a session that the server does not know."""
    return error.message == "Session terminated"


def _problem(text: str) -> ToolResult:
    return ToolResult(cut_result(text), is_error=True)
