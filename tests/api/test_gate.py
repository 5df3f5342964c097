"""What the gate lets through: websockets of extensions, by the rules of every route; bodies of JSON up to a number of parts."""

from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from extensions.openai.gate import MAX_JSON_PARTS, POLICY_VIOLATION, Gate
from modules.engine.traffic import Traffic
from modules.settings import Settings

pytestmark = pytest.mark.anyio
KEY = "a-key"
Message = MutableMapping[str, Any]


async def handshake(**headers: str) -> list[Message]:
    """What is sent in answer to a handshake with these headers; the application would accept it."""
    sent: list[Message] = []

    async def accept(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    gate = Gate(accept, Settings(api_key=(KEY,)), Traffic())
    given = {"host": "127.0.0.1:5000", **headers}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    await gate({"type": "websocket", "path": "/echo", "headers": raw}, receive, send)
    return sent


async def test_who_has_the_key_gets_through() -> None:
    assert await handshake(authorization=f"Bearer {KEY}") == [{"type": "websocket.accept"}]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Bearer {KEY}", "origin": "https://evil.example.org"},
        {"authorization": f"Bearer {KEY}", "host": "evil.example.org"},
    ],
    ids=["no key", "wrong key", "foreign page", "foreign name"],
)
async def test_others_do_not(headers: dict[str, str]) -> None:
    closed = [{"type": "websocket.close", "code": POLICY_VIOLATION}]
    assert await handshake(**headers) == closed


async def read_by_route(pieces: list[bytes], kind: str) -> int:
    """How many pieces of a body reach the route that reads it."""
    waiting, read = list(pieces), 0

    async def take_all(scope: Message, receive: Any, send: Any) -> None:
        nonlocal read
        while (await receive())["more_body"]:
            read += 1
        read += 1

    async def receive() -> Message:
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        pass

    gate = Gate(take_all, Settings(), Traffic())
    headers = [
        (b"host", b"127.0.0.1"),
        (b"content-type", kind.encode()),
        (b"transfer-encoding", b"chunked"),
    ]
    scope = {"type": "http", "method": "POST", "path": "/v1/x", "headers": headers}
    with suppress(HTTPException):
        await gate(scope, receive, send)
    return read


@pytest.mark.parametrize("part", [b"1,", b"[],", b'{"a":[1]},'])
async def test_a_body_of_very_many_parts_is_not_read_to_its_end(part: bytes) -> None:
    half = part * (MAX_JSON_PARTS // 2)
    assert await read_by_route([half, half, half], "application/json") < 3
    assert await read_by_route([half, half, half], "multipart/form-data; boundary=x") == 3


async def test_a_large_body_of_few_parts_is() -> None:
    picture = b"A" * 20_000_000
    assert await read_by_route([picture, picture, picture], "application/json") == 3
