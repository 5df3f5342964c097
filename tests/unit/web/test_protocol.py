"""What becomes of a connection whose client does not do its part, with a real server on a real socket."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from modules.settings import Settings
from modules.web.ports import open_sockets
from modules.web.protocol import HttpProtocol
from modules.web.server import build_server

pytestmark = pytest.mark.anyio
PATIENCE_S = 20.0
PIECE = b"x" * 65_536


class Impatient(HttpProtocol):
    stalled_s = 1.0


@asynccontextmanager
async def serving(app: Any) -> AsyncGenerator[int]:
    """Its port."""
    [listener] = open_sockets(["127.0.0.1"], 0, "--api-port")
    server = build_server(app, Settings(), grace_s=1, http=Impatient, lifespan="off")
    task = asyncio.ensure_future(server.serve(sockets=[listener]))
    await asyncio.wait_for(server.is_serving.wait(), PATIENCE_S)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, PATIENCE_S)


async def connect(port: int) -> socket.socket:
    """A client that has asked, and not read yet."""
    client = socket.socket()
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return client


class Answer:
    """An application whose answer is longer than what the network holds. `is_gone`: it was told that the client left."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.has_ended = asyncio.Event()
        self.is_gone = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(self.pieces):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
        await receive()  # the empty body
        message = await receive() if self.pieces > 1000 else {"type": ""}
        self.is_gone = message["type"] == "http.disconnect"
        await send({"type": "http.response.body", "body": b""})
        self.has_ended.set()


async def test_who_takes_nothing_of_an_answer_is_let_go() -> None:
    answer = Answer(pieces=1001)
    async with serving(answer) as port:
        client = await connect(port)
        await asyncio.wait_for(answer.has_ended.wait(), PATIENCE_S)
        assert answer.is_gone
        client.close()


async def test_who_reads_slowly_gets_all_of_it() -> None:
    answer = Answer(pieces=100)
    async with serving(answer) as port:
        client = await connect(port)
        loop, received = asyncio.get_running_loop(), bytearray()
        while not received.endswith(b"0\r\n\r\n"):
            piece = await asyncio.wait_for(loop.sock_recv(client, 2**20), PATIENCE_S)
            assert piece, "it was cut off"
            received += piece
            await asyncio.sleep(0.01)
        assert received.count(b"x") == answer.pieces * len(PIECE)
        client.close()


HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n"


class Echo:
    """An application that answers with the body when it has come. `is_gone`: it was told that the client left."""

    def __init__(self) -> None:
        self.is_gone = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, message = b"", {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                self.is_gone.set()
                return
            body += message["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("sent", [b"", b"GET / HT", HEAD, HEAD + b"half"])
async def test_who_sends_no_more_of_a_request_is_let_go(sent: bytes) -> None:
    echo = Echo()
    async with serving(echo) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        if sent.startswith(HEAD):
            await asyncio.wait_for(echo.is_gone.wait(), PATIENCE_S)
        writer.close()


async def test_who_sends_slowly_is_heard() -> None:
    async with serving(Echo()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in (HEAD[:9], HEAD[9:], *[b"1"] * 20):
            writer.write(piece)
            await asyncio.sleep(Impatient.stalled_s / 8)
        answer = await asyncio.wait_for(reader.readuntil(b"1" * 20), PATIENCE_S)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        writer.close()


async def test_an_answer_may_take_its_time() -> None:
    async def late(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(Impatient.stalled_s * 2.5)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with serving(late) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), PATIENCE_S)).startswith(b"HTTP/1.1 204")
        writer.close()
