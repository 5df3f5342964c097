"""Everything that a model in the chat may call, whatever it comes from."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from modules.core.errors import ConfigError
from modules.core.tools import Tool
from modules.toolbox.arguments import BadArguments, check_arguments, parse_arguments
from modules.toolbox.mcp_server import START_TIMEOUT_S, McpServer
from modules.toolbox.names import mcp_name, python_name, unique_names
from modules.toolbox.offered import (
    Kind,
    ListedTool,
    OfferedTool,
    SourceStatus,
    ToolResult,
    cut_result,
    source_key,
)
from modules.toolbox.python_tools import PythonTools
from modules.toolbox.server_specs import FILE, load_specs

CALL_TIMEOUT_S = 60.0
_Found = tuple[Kind, str, ListedTool]


class Toolbox:
    """One for the whole program. Nothing is started before `list` is called, which a chat does once its user wants tools."""

    def __init__(
        self,
        user_data_dir: Path,
        *,
        call_timeout_s: float = CALL_TIMEOUT_S,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self.call_timeout_s = call_timeout_s
        self._start_timeout_s = start_timeout_s
        self._config = user_data_dir / FILE
        self._python = PythonTools(user_data_dir / "tools")
        self._servers: dict[str, McpServer] = {}
        self._reading = asyncio.Lock()
        self._config_error = ""
        self._offered: dict[str, OfferedTool] = {}

    async def sources(self) -> list[SourceStatus]:
        """How each Python file and each server is, read anew; starts no server."""
        await asyncio.gather(self._python.files(), self._read_config())
        broken = [SourceStatus("mcp", FILE, "failed", detail=self._config_error)]
        servers = [server.status for server in self._servers.values()]
        return [*self._python.statuses, *servers, *(broken if self._config_error else [])]

    async def list(self, switched_off: Collection[str] = ()) -> list[OfferedTool]:
        """All tools in order. `switched_off`: names of tools, and sources by `source_key`, that the chat does not want; a
        server among them is not started. A source that fails offers nothing: `sources` says why."""
        await self._read_config()
        wanted = [
            server
            for name, server in self._servers.items()
            if source_key("mcp", name) not in switched_off
        ]
        files, listed = await asyncio.gather(
            self._python.files(), asyncio.gather(*(server.tools() for server in wanted))
        )
        found: list[_Found] = []
        for file in files:
            found.extend(("python", file.name, tool) for tool in file.tools)
        for server, tools in zip(wanted, listed, strict=True):
            found.extend(("mcp", server.spec.name, tool) for tool in tools)
        offered = _named(found)
        self._offered |= {tool.name: tool for tool in offered}
        return [replace(tool, is_enabled=_is_wanted(tool, switched_off)) for tool in offered]

    async def call(self, name: str, arguments_json: str) -> ToolResult:
        """Whatever goes wrong is told to the model, which can try again; only cancelling raises."""
        begun = time.monotonic()
        result = await self._called(name, arguments_json)
        return replace(result, seconds=time.monotonic() - begun)

    async def restart(self, server: str) -> None:
        """Ends a server and forgets why it failed; the next `list` starts it."""
        if server in self._servers:
            await self._servers[server].restart()

    async def close(self) -> None:
        """Ends all servers."""
        servers, self._servers = self._servers, {}
        await asyncio.gather(*(server.close() for server in servers.values()))

    async def _called(self, name: str, arguments_json: str) -> ToolResult:
        if name not in self._offered:
            await self.list()
        tool = self._offered.get(name)
        if tool is None:
            names = ", ".join(sorted(self._offered)) or "none"
            return _problem(f"There is no tool {name!r}. There are: {names}.")
        try:
            arguments = parse_arguments(arguments_json)
            await asyncio.to_thread(check_arguments, arguments, tool.tool.schema)
        except BadArguments as problem:
            return _problem(str(problem))
        if tool.kind == "python":
            return await self._python.call(
                tool.source, tool.own_name, arguments, self.call_timeout_s
            )
        server = self._servers.get(tool.source)
        if server is None:
            return _problem(f"The server {tool.source} is no longer in {FILE}.")
        return await server.call(tool.own_name, arguments, self.call_timeout_s)

    async def _read_config(self) -> None:
        """Servers whose entry has changed or gone are ended; a file that cannot be read changes nothing but is told."""
        async with self._reading:
            try:
                specs = await asyncio.to_thread(load_specs, self._config)
                self._config_error = ""
            except ConfigError as error:
                self._config_error = error.message
                return
            kept = {
                name: server
                for name, server in self._servers.items()
                if specs.get(name) == server.spec
            }
            gone = [server for name, server in self._servers.items() if name not in kept]
            self._servers = {
                name: kept.get(name) or McpServer(spec, start_timeout_s=self._start_timeout_s)
                for name, spec in specs.items()
            }
            await asyncio.gather(*(server.close() for server in gone))


def _named(found: Sequence[_Found]) -> list[OfferedTool]:
    names = unique_names(
        (
            python_name(tool.name) if kind == "python" else mcp_name(source, tool.name),
            f"{source}\n{tool.name}",
        )
        for kind, source, tool in found
    )
    return [
        OfferedTool(Tool(name, tool.description, tool.parameters), kind, source, tool.name)
        for name, (kind, source, tool) in zip(names, found, strict=True)
    ]


def _is_wanted(tool: OfferedTool, switched_off: Collection[str]) -> bool:
    return tool.name not in switched_off and tool.source_key not in switched_off


def _problem(text: str) -> ToolResult:
    return ToolResult(cut_result(text), is_error=True)
