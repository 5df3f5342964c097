"""A scripted server in place of one with OpenAI's API: for what a true one does rarely, or should never do."""

import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

PATIENCE_S = 20.0
Script = Callable[[Request, dict[str, Any]], Any]


@dataclass
class FakeUpstream:
    """`listed`: what /v1/models says. `script` answers the rest; `seen` are the requests that came: path, headers, body."""

    listed: list[dict[str, Any]] = field(
        default_factory=lambda: [{"id": "fake", "object": "model", "owned_by": "somebody"}]
    )
    script: Script | None = None
    seen: list[tuple[str, Mapping[str, str], dict[str, Any]]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def last_body(self) -> dict[str, Any]:
        return self.seen[-1][2]

    async def answer(self, request: Request) -> Response:
        if request.url.path == "/v1/models":
            return JSONResponse({"object": "list", "data": self.listed})
        data = await request.body()
        body = json.loads(data) if data else {}
        self.seen.append((request.url.path, dict(request.headers), body))
        assert self.script is not None
        return self.script(request, body)


@contextmanager
def fake_upstream() -> Iterator[FakeUpstream]:
    fake = FakeUpstream()
    route = Route("/{path:path}", fake.answer, methods=["GET", "POST"])
    config = uvicorn.Config(
        Starlette(routes=[route]), port=0, log_level="error", lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        ends = time.monotonic() + PATIENCE_S
        while not server.started:
            assert time.monotonic() < ends
            time.sleep(0.01)
        fake.port = server.servers[0].sockets[0].getsockname()[1]
        yield fake
    finally:
        server.should_exit = server.force_exit = True
        thread.join(PATIENCE_S)


# -- scripts -----------------------------------------------------------------------------------


def chunk(delta: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a chat; `reason` ends it."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": more.pop("reason", None)}
    return {"object": "chat.completion.chunk", "choices": [choice | more]}


def streaming(*events: dict[str, Any] | str | bytes, is_done: bool = True) -> Script:
    """Events in a row: dicts as data, texts as lines of their own, bytes as they are."""

    async def send() -> AsyncIterator[bytes]:
        for event in events:
            if isinstance(event, bytes):
                yield event
            elif isinstance(event, str):
                yield f"{event}\n\n".encode()
            else:
                yield f"data: {json.dumps(event)}\n\n".encode()
        if is_done:
            yield b"data: [DONE]\n\n"

    return lambda _request, _body: StreamingResponse(send(), media_type="text/event-stream")


def failing(status: int, body: Any = None, **headers: str) -> Script:
    content = body if isinstance(body, str) else json.dumps(body)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _request, _body: Response(content, status, headers=names)


def error(message: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "x", "param": None, "code": None, **fields}}


def saying(text: str) -> Script:
    return streaming(chunk({"role": "assistant", "content": text}), chunk(reason="stop"))
