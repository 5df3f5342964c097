"""An MCP server as people write them, with the official package: `honest.py stdio | http | sse`. Over HTTP it prints its port."""

import asyncio
import base64
import os
import socket
import subprocess
import sys
from typing import Annotated

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ImageContent, TextContent
from pydantic import Field

server = MCPServer("honest", log_level="CRITICAL")
cancelled: list[str] = []


@server.tool()
def add(a: Annotated[int, Field(description="one number")], b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool()
def environment(name: str) -> str:
    """Tell a variable of the environment."""
    return os.environ.get(name, "not set")


@server.tool()
def fail(why: str) -> str:
    """Fail on purpose."""
    raise ToolError(why)


@server.tool()
def structured() -> dict[str, int]:
    """Answer with an object."""
    return {"answer": 42}


@server.tool(structured_output=False)
def picture() -> list[TextContent | ImageContent]:
    """Answer with a picture."""
    data = base64.b64encode(b"x" * 3000).decode()
    return [
        TextContent(text="Here it is."),
        ImageContent(data=data, mime_type="image/png"),
    ]


@server.tool()
def long(characters: int) -> str:
    """Answer with a long text."""
    return "x" * characters


@server.tool()
async def wait(seconds: float, name: str = "") -> str:
    """Wait."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        cancelled.append(name)
        raise
    return "waited"


@server.tool()
def which_were_cancelled() -> str:
    """Tell the names of the waits that were cancelled."""
    return ",".join(cancelled)


@server.tool()
def process_ids() -> str:
    """Start another process, and tell both ids."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return f"{os.getpid()} {child.pid}"


@server.tool()
def die() -> str:
    """End the server at once."""
    os._exit(7)


def serve_http(kind: str, port: int) -> None:
    app = server.streamable_http_app() if kind == "http" else server.sse_app()
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        serve_http(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
