"""The door in front of the web UI, with an application of a few lines behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from modules.settings import Settings
from modules.ui.access.accounts import Accounts
from modules.ui.access.door import USER, Desk, Door
from modules.ui.access.logins import PasswordCheck

pytestmark = pytest.mark.anyio
HTML = {"accept": "text/html,*/*"}
ADA = {"username": "ada", "password": "pw:1"}


async def behind(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    body = await request.body()
    name = getattr(request.state, USER, None)
    told = {"path": request.url.path, "name": name, "size": len(body)}
    await JSONResponse(told)(scope, receive, send)


async def no_pause(_: float) -> None:
    pass


@asynccontextmanager
async def calling(
    *, base: str = "http://127.0.0.1:7860", **values: Any
) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(**values)
    accounts = Accounts.from_settings(settings)
    desk = (
        Desk(PasswordCheck(accounts, sleep=no_pause), "hearth-login-1")
        if accounts.are_set
        else None
    )
    transport = httpx.ASGITransport(app=Door(behind, settings, desk))
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        yield client


async def test_without_logins_everybody_comes_in() -> None:
    async with calling() as client:
        response = await client.get("/")
    assert response.json() == {"path": "/", "name": None, "size": 0}
    assert "default-src 'self'" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("host", "values", "is_served"),
    [
        ("localhost:7860", {}, True),
        ("[::1]:7860", {}, True),
        ("evil.example", {}, False),
        ("192.168.1.7:7860", {}, False),
        ("192.168.1.7:7860", {"listen": True}, True),
        ("box:7860", {"listen": True}, True),
        ("box.local:7860", {"listen": True}, True),
        ("evil.example:7860", {"listen": True}, False),
        ("my.example:7860", {"listen": True, "gradio_auth": ("ada:pw",)}, True),
        ("my.example", {"api_allowed_hosts": ("My.example",)}, True),
        ("evil.example", {"listen": True, "api_allowed_hosts": ("my.example",)}, False),
        ("any.example", {"api_allowed_hosts": ("*",)}, True),
    ],
)
async def test_names_of_the_host(host: str, values: dict[str, Any], is_served: bool) -> None:
    async with calling(**values) as client:
        response = await client.get("/", headers={"host": host})
    assert (response.status_code != 400) is is_served
    assert is_served or "--api-allowed-hosts" in response.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://127.0.0.1:7860"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:3000"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://my.example", "x-forwarded-host": "my.example"}, 200),
        ({"origin": "https://my.example:8443", "x-forwarded-host": "my.example"}, 200),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
async def test_only_own_pages_may_call(headers: dict[str, str], status: int, method: str) -> None:
    async with calling() as client:
        response = await client.request(method, "/gradio_api/queue/join", headers=headers)
    assert response.status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=https://elsewhere.example/a.png",
        "/gradio_api/file=FILE:/etc/passwd",
        "/gradio_api/proxy=https://x.hf.space/a",
        "/gradio_api/openapi.json",
        "/gradio_api/deep_link",
        "/gradio_api/vibe-code",
        "/gradio_api/run-history/connect",
        "/gradio_api/runs",
        "/gradio_api/token",
        "/gradio_api/call/open_session",
        "/gradio_api/api/open_session",
        "/gradio_api/custom_component/1/client/component/index.js",
        "/monitoring",
        "/monitoring/summary",
        "/pwa_icon",
    ],
)
async def test_routes_that_the_page_does_not_need_are_closed(path: str) -> None:
    async with calling() as client:
        assert (await client.get(path)).status_code == 404
        assert (await client.get("/gradio_api/file=/served/x/a.png")).status_code == 200
        assert (await client.get("/gradio_api/file=C:/x/a.png")).status_code == 200


async def test_without_a_login_nothing_is_answered() -> None:
    async with calling(gradio_auth=("ada:pw:1",)) as client:
        for path in (
            "/",
            "/config",
            "/static/a.css",
            "/gradio_api/file=/served/a",
            "/no-such-route",
        ):
            response = await client.get(path)
            assert (response.status_code, response.json()) == (401, {"detail": "Not logged in"})
        page = await client.get("/", headers=HTML)
        assert page.status_code == 401
        assert 'action="/login"' in page.text


async def test_a_login_lasts_until_the_logout() -> None:
    async with calling(gradio_auth=("ada:pw:1", "bob:pw2")) as client:
        response = await client.post("/login", data=ADA)
        assert (response.status_code, response.headers["location"]) == (303, "/")
        cookie = response.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Secure" not in cookie
        assert (await client.get("/")).json()["name"] == "ada"
        assert (await client.get("/login")).headers["location"] == "/"
        token = client.cookies["hearth-login-1"]
        assert (await client.get("/logout")).status_code == 303
        assert (await client.get("/")).status_code == 401
        stolen = await client.get("/", headers={"cookie": f"hearth-login-1={token}"})
        assert stolen.status_code == 401


async def test_the_cookie_of_an_encrypted_page_stays_encrypted() -> None:
    async with calling(base="https://127.0.0.1:7860", gradio_auth=("ada:pw:1",)) as client:
        assert "Secure" in (await client.post("/login", data=ADA)).headers["set-cookie"]


@pytest.mark.parametrize(
    "form",
    [
        {"username": "ada", "password": "pw"},
        {"username": "ada", "password": ""},
        {"username": "", "password": "pw:1"},
        {"username": "ada:pw", "password": "1"},
        {},
    ],
    ids=str,
)
async def test_what_does_not_fit_is_refused(form: dict[str, str]) -> None:
    async with calling(gradio_auth=("ada:pw:1",)) as client:
        response = await client.post("/login", data=form)
        assert response.status_code == 401
        assert "set-cookie" not in response.headers
        assert "do not fit" in response.text


async def test_a_form_has_a_limit() -> None:
    async with calling(gradio_auth=("ada:pw:1",)) as client:
        response = await client.post("/login", data={"username": "a" * 100_000})
    assert response.status_code == 413


@pytest.mark.parametrize("prefix", ["", "/hearth"])
async def test_a_proxy_may_keep_the_subpath_or_take_it_away(prefix: str) -> None:
    async with calling(subpath="hearth/", gradio_auth=("ada:pw:1",)) as client:
        page = await client.get(f"{prefix}/", headers=HTML)
        assert 'action="/hearth/login"' in page.text
        response = await client.post(f"{prefix}/login", data=ADA)
        assert response.headers["location"] == "/hearth/"
        assert (await client.get(f"{prefix}/config")).json()["path"] == "/config"
        assert (await client.get("/hearthside")).status_code == 404


async def test_bodies_are_counted() -> None:
    async with calling(api_max_body_mb=0.001, max_upload_mb=0.002) as client:
        small, large = b"x" * 1000, b"x" * 1500
        assert (await client.post("/gradio_api/run/1", content=small)).json()["size"] == 1000
        assert (await client.post("/gradio_api/run/1", content=large)).status_code == 413
        files = {"content-type": "multipart/form-data; boundary=x"}
        upload = "/gradio_api/upload"
        assert (await client.post(upload, content=large, headers=files)).status_code == 200
        assert (await client.post(upload, content=large * 2, headers=files)).status_code == 413


class Endless:
    """An application whose answer lasts as long as it is let. `ends_itself`: it takes being cancelled as its end, as some of Gradio's do."""

    def __init__(self, *, ends_itself: bool) -> None:
        self.ends_itself = ends_itself
        self.is_over = False
        self.has_begun = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"data", "more_body": True})
        self.has_begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not self.ends_itself:
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self.is_over = True


@pytest.mark.parametrize("ends_itself", [False, True])
@pytest.mark.parametrize("path", ["/gradio_api/queue/data", "/gradio_api/heartbeat/x"])
async def test_streams_end_with_the_program(
    path: str, ends_itself: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modules.ui.access.door.LAST_WORDS_S", 0.01)
    app = Endless(ends_itself=ends_itself)
    door = Door(app, Settings())
    transport = httpx.ASGITransport(app=door)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
        asking = asyncio.ensure_future(client.get(path))
        await app.has_begun.wait()
        door.end()
        assert (await asking).content == b"data"
    assert app.is_over


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    """A word, and then nothing as long as somebody listens."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"word", "more_body": True})
    await asyncio.Event().wait()


async def test_a_logout_ends_what_is_told_to_this_login_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("modules.ui.access.door.LAST_WORDS_S", 0)
    settings = Settings(gradio_auth=("ada:pw:1", "bob:pw2"))
    desk = Desk(PasswordCheck(Accounts.from_settings(settings), sleep=no_pause), "hearth-login-1")
    transport = httpx.ASGITransport(app=Door(endless, settings, desk))
    people = [ADA, ADA, {"username": "bob", "password": "pw2"}]
    async with AsyncExitStack() as stack:
        client = lambda: httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860")  # noqa: E731
        clients = [await stack.enter_async_context(client()) for _ in people]
        for each, person in zip(clients, people, strict=True):
            await each.post("/login", data=person)
        events = [asyncio.ensure_future(each.get("/gradio_api/queue/data")) for each in clients]
        heartbeat = asyncio.ensure_future(clients[0].get("/gradio_api/heartbeat/x"))
        await asyncio.sleep(0)
        await clients[0].get("/logout")
        assert (await asyncio.wait_for(events[0], 10)).text == "word"
        assert not any(task.done() for task in (*events[1:], heartbeat))
        for task in (*events[1:], heartbeat):
            task.cancel()
        await asyncio.gather(*events[1:], heartbeat, return_exceptions=True)
