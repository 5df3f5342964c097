"""A websocket that an extension mounts stands behind the same gate as every route."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from extensions.openai.gate import POLICY_VIOLATION, Gate
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

    counter = Counter("requests", "-", ("route", "method", "status"), registry=CollectorRegistry())
    gate = Gate(accept, Settings(api_key=(KEY,)), counter)
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
