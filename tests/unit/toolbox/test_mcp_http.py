"""MCP servers over HTTP: both ways, headers, and servers that go and come."""

import asyncio
import json
import socket
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modules.toolbox.toolbox import Toolbox
from tests.unit.toolbox.conftest import eventually, http_server, write_servers

pytestmark = pytest.mark.anyio


def url_of(kind: str, port: int) -> str:
    return f"http://127.0.0.1:{port}/{'mcp' if kind == 'http' else 'sse'}"


@pytest.mark.parametrize("kind", ["http", "sse"])
async def test_tools_are_listed_and_called(open_toolbox, serve_http, tmp_path: Path, kind: str):
    write_servers(tmp_path, web={"url": url_of(kind, serve_http(kind))})
    toolbox: Toolbox = open_toolbox()
    assert "web__add" in [tool.name for tool in await toolbox.list()]
    calls = [toolbox.call("web__add", json.dumps({"a": n, "b": 1})) for n in range(5)]
    assert [result.text for result in await asyncio.gather(*calls)] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("kind", ["http", "sse"])
async def test_calls_have_a_time_limit(open_toolbox, serve_http, tmp_path: Path, kind: str):
    write_servers(tmp_path, web={"url": url_of(kind, serve_http(kind))})
    toolbox: Toolbox = open_toolbox(call_timeout_s=1)
    result = await toolbox.call("web__wait", '{"seconds": 600, "name": "limit"}')
    assert result.text == "The tool took longer than 1 seconds and was stopped."
    toolbox.call_timeout_s = 30
    assert (await toolbox.call("web__which_were_cancelled", "")).text == "limit"


@pytest.mark.parametrize("kind", ["http", "sse"])
async def test_a_server_that_was_started_anew_is_used_again(
    open_toolbox, tmp_path: Path, kind: str
):
    toolbox: Toolbox = open_toolbox()
    with http_server(kind) as port:
        write_servers(tmp_path, web={"url": url_of(kind, port)})
        assert (await toolbox.call("web__add", '{"a": 1, "b": 2}')).text == "3"
    with http_server(kind, port):

        async def is_used() -> bool:
            return (await toolbox.call("web__add", '{"a": 1, "b": 2}')).text == "3"

        await eventually(is_used)


async def test_nobody_at_the_address(open_toolbox, tmp_path: Path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    write_servers(tmp_path, web={"url": url_of("http", port)}, old={"url": url_of("sse", port)})
    toolbox: Toolbox = open_toolbox()
    assert await toolbox.list() == []
    for status in await toolbox.sources():
        assert status.state == "failed"
        assert "does not answer as an MCP server" in status.detail


async def test_an_address_that_is_no_mcp_server(open_toolbox, serve_http, tmp_path: Path):
    port = serve_http("http")
    write_servers(tmp_path, web={"url": f"http://127.0.0.1:{port}/elsewhere"})
    toolbox: Toolbox = open_toolbox()
    assert await toolbox.list() == []
    assert "does not answer as an MCP server" in (await toolbox.sources())[0].detail


async def test_headers_are_sent(open_toolbox, tmp_path: Path, heard):
    toolbox: Toolbox = open_toolbox(start_timeout_s=5)
    write_servers(
        tmp_path, web={"url": f"http://127.0.0.1:{heard.port}/mcp", "headers": {"X-Key": "k1"}}
    )
    await toolbox.list()
    assert "x-key: k1" in heard.requests[0].lower()


class Listener:
    """Notes what it is sent, and answers that it knows nothing."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def heard():
    listener = Listener()
    server = await asyncio.start_server(listener.answer, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    yield listener
    server.close()
    await server.wait_closed()


class OldServer:
    """A server of the older protocol, which knows its clients by a session: it can forget them."""

    def __init__(self) -> None:
        self.sessions: set[str] = set()
        self.calls = 0

    async def answer(self, request: Request) -> Response:
        message = await request.json() if request.method == "POST" else {}
        method = message.get("method")
        if method == "initialize":
            self.sessions.add(session := f"session-{len(self.sessions)}-{self.calls}")
            result = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "old", "version": "1"},
            }
            return self._result(message, result, {"mcp-session-id": session})
        if method == "server/discover":
            return Response(status_code=404)
        if request.headers.get("mcp-session-id") not in self.sessions:
            return Response(status_code=404)
        if method == "tools/list":
            return self._result(
                message, {"tools": [{"name": "count", "inputSchema": {"type": "object"}}]}
            )
        if method == "tools/call":
            self.calls += 1
            text = {"type": "text", "text": str(self.calls)}
            return self._result(message, {"content": [text]})
        return Response(status_code=202 if method else 405)

    def _result(self, message, result, headers=None) -> Response:
        return JSONResponse(
            {"jsonrpc": "2.0", "id": message["id"], "result": result}, headers=headers
        )


@pytest.fixture
async def old_server():
    old = OldServer()
    app = Starlette(routes=[Route("/mcp", old.answer, methods=["GET", "POST", "DELETE"])])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        old.port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield old
        server.should_exit = True
        await serving


async def test_a_session_that_the_server_has_forgotten_begins_anew(
    open_toolbox, old_server: OldServer, tmp_path: Path
):
    write_servers(tmp_path, web={"url": url_of("http", old_server.port)})
    toolbox: Toolbox = open_toolbox()
    assert (await toolbox.call("web__count", "")).text == "1"
    old_server.sessions.clear()
    assert (await toolbox.call("web__count", "")).text == "2"
    assert len(old_server.sessions) == 1
    await toolbox.close()
