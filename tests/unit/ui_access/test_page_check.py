"""Requests that name pages and events, with an application of a few lines behind the check."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from modules.ui.access.door import USER
from modules.ui.access.page_check import PageCheck
from modules.ui.access.pages import Pages

pytestmark = pytest.mark.anyio
JOIN = "/gradio_api/queue/join"
SERVER = "/gradio_api/component_server"


class KeptEvents:
    """Events that wait or run, by id."""

    events: dict[str, str] = {"of-ada": "ada-1", "of-bob": "bob-1"}  # noqa: RUF012 - constant

    def page_of(self, event_id: str) -> str | None:
        return self.events.get(event_id)

    def end(self, page: str) -> bool:
        return True


class Behind:
    """Reads each request to its end and tells of it. `seen`: what reached it whole."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        self.seen.append(request.url.path)
        told = {"query": request.url.query, "size": len(body)}
        await JSONResponse(told)(scope, receive, send)


def named(app: Any, login: str) -> Any:
    """As the door passes it on."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {USER: login}}, receive, send)

    return call


class Callers:
    def __init__(self) -> None:
        self.behind = Behind()
        self.check = PageCheck(self.behind, Pages(KeptEvents()))

    def of(self, login: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=named(self.check, login))
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860")


@pytest.fixture
async def callers() -> Callers:
    """Each has a page that is known."""
    callers = Callers()
    for login in ("ada", "bob"):
        async with callers.of(login) as client:
            answer = await client.post(JOIN, json={"session_hash": f"{login}-1", "data": []})
            assert answer.status_code == 200
    callers.behind.seen.clear()
    return callers


FOREIGN: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", JOIN, {"json": {"data": ["x"], "session_hash": "ada-1"}}),
    ("POST", JOIN, {"json": {"session_hash": "ada-1", "data": ["x" * 200_000]}}),
    ("POST", JOIN, {"content": b'{"session\\u005fhash": "ada-1", "data": []}'}),
    ("POST", JOIN, {"content": b'{"session_hash": "bob-1", "session_hash": "ada-1"}'}),
    ("POST", JOIN, {"content": b'{"session_hash": "ada-1", "session_hash": "bob-1"}'}),
    ("POST", f"{JOIN}?session_hash=ada-1", {"json": {"session_hash": "bob-1"}}),
    ("POST", "/gradio_api/run/predict", {"json": {"session_hash": "ada-1"}}),
    ("POST", "/gradio_api/api/predict", {"json": {"session_hash": "ada-1"}}),
    ("POST", "/gradio_api/call/predict", {"json": {"session_hash": "ada-1"}}),
    ("POST", "/gradio_api/cancel", {"json": {"session_hash": "ada-1", "event_id": "x"}}),
    ("POST", "/gradio_api/cancel", {"json": {"session_hash": "bob-1", "event_id": "of-ada"}}),
    ("POST", "/gradio_api/reset", {"json": {"event_id": "of-ada"}}),
    ("POST", SERVER, {"json": {"session_hash": "ada-1"}}),
    ("POST", f"{SERVER}/", {"data": {"session_hash": "ada-1"}, "files": {"f": b"x"}}),
    ("POST", SERVER, {"content": b'{"session_hash": "ada-1"}', "headers": {"content-type": "x"}}),
    (
        "POST",
        SERVER,
        {
            "content": b'{"session_hash": "ada-1"}',
            "headers": {"content-type": "MULTIPART/form-data; boundary=x"},
        },
    ),
    ("POST", "/gradio_api/stream/of-ada", {"json": {"session_hash": "bob-1", "data": []}}),
    ("POST", "/gradio_api/stream/of-ada/close", {}),
    ("GET", "/gradio_api/queue/data?session_hash=ada-1", {}),
    ("GET", "/gradio_api/queue/data?session%5Fhash=ada%2D1", {}),
    ("GET", "/gradio_api/queue/data?session_hash=bob-1&session_hash=ada-1", {}),
    ("GET", "/gradio_api/heartbeat/ada-1", {}),
    ("HEAD", "/gradio_api/heartbeat/ada%2D1/", {}),
    ("GET", "/gradio_api/stream/ada-1/1/2/playlist.m3u8", {}),
    ("GET", "/gradio_api/stream/ada-1/1/2/3.aac", {}),
    ("POST", "/gradio_api/upload", {"files": {"f": b"x"}, "headers": {"session_hash": "ada-1"}}),
]


@pytest.mark.parametrize(("method", "path", "sent"), FOREIGN, ids=lambda each: str(each)[:60])
async def test_no_page_of_another_login_gets_through(
    callers: Callers, method: str, path: str, sent: dict[str, Any]
) -> None:
    async with callers.of("bob") as bob:
        assert (await bob.request(method, path, **sent)).status_code == 403
    assert callers.behind.seen == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{JOIN}?session_hash=bob-1", {"session_hash": "bob-2"}),
        ("/gradio_api/cancel", {"session_hash": "bob-2", "event_id": "of-bob"}),
    ],
)
async def test_one_request_comes_from_one_page(
    callers: Callers, path: str, body: dict[str, str]
) -> None:
    async with callers.of("bob") as bob:
        assert (await bob.post(path, json=body)).status_code == 400
        twice = b'{"session_hash": "bob-1", "session_hash": "bob-2"}'
        assert (await bob.post(JOIN, content=twice)).status_code == 400


async def test_own_pages_get_through(callers: Callers) -> None:
    requests: list[tuple[str, dict[str, Any]]] = [
        (JOIN, {"json": {"session_hash": "ada-1", "data": ["x" * 200_000]}}),
        (JOIN, {"json": {"session_hash": "ada-2", "data": []}}),
        (JOIN, {"json": {"session_hash": None, "data": []}}),
        ("/gradio_api/cancel", {"json": {"session_hash": "ada-1", "event_id": "of-ada"}}),
        ("/gradio_api/cancel", {"json": {"session_hash": "ada-1", "event_id": "over"}}),
        ("/gradio_api/stream/of-ada/close", {"json": {}}),
        (SERVER, {"data": {"session_hash": "ada-1"}, "files": {"f": b"x" * 200_000}}),
        ("/gradio_api/upload", {"files": {"f": b"session_hash"}}),
    ]
    for path, sent in requests:
        async with callers.of("ada") as ada:
            assert (await ada.post(path, **sent)).status_code == 200, path
    async with callers.of("ada") as ada:
        for path in ("queue/data?session_hash=ada-1", "heartbeat/ada-1", "stream/ada-1/1/2/3.aac"):
            assert (await ada.get(f"/gradio_api/{path}")).status_code == 200


async def test_ids_of_uploads_are_a_logins_own(callers: Callers) -> None:
    seen: set[str] = set()
    for login in ("ada", "bob"):
        async with callers.of(login) as client:
            up = await client.post("/gradio_api/upload?upload%5Fid=x&a=b", files={"f": b"x"})
            watched = await client.get("/gradio_api/upload_progress?upload_id=x&a=b")
            assert up.json()["query"] == watched.json()["query"]
            seen.add(up.json()["query"])
    assert len(seen) == 2


async def test_a_body_passes_while_it_comes_in() -> None:
    """Each part reaches the application before the next one has been sent; the rest of a refused body does not reach it."""
    got: list[bytes] = []
    asked = asyncio.Event()

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive()).get("more_body"):
            got.append(message["body"])
            asked.set()
        await JSONResponse({})(scope, receive, send)

    async def parts() -> AsyncIterator[bytes]:
        yield b'{"data": ["'
        for number in range(1, 4):
            await asked.wait()
            asked.clear()
            assert len(got) == number
            yield b"x" * 100
        yield b'"], "session_hash": "ada-1"}'
        yield b" "

    pages = Pages(KeptEvents())
    pages.enter("ada-1", "ada")
    transport = httpx.ASGITransport(app=named(PageCheck(reading, pages), "bob"))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as bob:
        assert (await bob.post(SERVER, content=parts())).status_code == 403
    assert b"ada-1" not in b"".join(got)


async def test_an_open_page_is_in_use_until_its_stream_ends() -> None:
    pages = Pages(KeptEvents())
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        has_begun.set()
        await may_end.wait()
        await JSONResponse({})(scope, receive, send)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps({}).encode(), "more_body": False}

    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/gradio_api/heartbeat/ada-1",
        "query_string": b"",
        "headers": [],
        "state": {USER: "ada"},
    }
    running = asyncio.ensure_future(PageCheck(endless, pages)(scope, receive, send))
    await has_begun.wait()
    assert pages.is_in_use("ada-1")
    may_end.set()
    await running
    assert not pages.is_in_use("ada-1")
