"""The door in front of the whole web UI: host, origin, login, routes and sizes. Plain ASGI, since it sees every request."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modules.core.traces import trace_of
from modules.settings import Settings
from modules.ui.access.login_page import render_login_page
from modules.ui.access.logins import Logins, PasswordCheck, TooManyAttempts
from modules.ui.access.names import NameRule
from modules.ui.access.routes import is_of_events, is_served, is_stream
from modules.web.access import host_name, is_own
from modules.web.bodies import BodyLimit, has_files, limited

log = logging.getLogger("hearth.ui")

MAX_FORM_BYTES = 8192
LAST_WORDS_S = 1.0
"""How long streams of pages go on when the program ends, or somebody logs out."""
POLICY_VIOLATION = 1008
SEE_OTHER = 303
USER = "hearth_user"
"""Where the name that was logged in with is, in the scope's state."""
ENDED = "hearth_ended"
"""The event there that is set when this login ends."""
NOT_FORWARDED = frozenset((b"x-gradio-server",))
"""With this header a caller could choose where the page has its files from."""
WRONG = "That name and password do not fit."
TOO_MANY = "Too many attempts: wait a moment."
NOT_THIS_NAME = "Hearth is not served under this name. --api-allowed-hosts NAME allows it; in a network, a login (--gradio-auth) does so too."
SECURITY_HEADERS: Mapping[str, str] = {
    # Nothing from elsewhere, whatever a reply or an extension writes into the page.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
        "worker-src 'self' blob:; frame-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'self'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """Where logins are asked for. `cookie`: its name, which differs between ports, since cookies do not."""

    check: PasswordCheck
    cookie: str
    logins: Logins = field(default_factory=Logins)


class Door:
    """Refuses what must not reach Gradio; leaves the name of the login in the state of requests that go on. `desk`: None without logins."""

    def __init__(self, app: ASGIApp, settings: Settings, desk: Desk | None = None) -> None:
        self._app = app
        self._desk = desk
        self._names = NameRule.from_settings(settings, has_logins=desk is not None)
        self._subpath = to_subpath(settings.subpath)
        self._body = BodyLimit(settings.api_max_body_mb)
        self._upload = BodyLimit(settings.max_upload_mb)
        self._ending = asyncio.Event()

    def end(self) -> None:
        """The program ends: so do the streams of open pages, which would last as long as the pages. In the event loop."""
        self._ending.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":  # Gradio has none
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await self._pass(self._inside(scope), receive, _with_security_headers(send))

    def _inside(self, scope: Scope) -> Scope:
        """The request as if there were no subpath: some proxies leave it in the path, others take it away."""
        headers = [(name, value) for name, value in scope["headers"] if name not in NOT_FORWARDED]
        path: str = scope["path"]
        if not self._subpath or not (path + "/").startswith(self._subpath + "/"):
            return {**scope, "headers": headers}
        path = path.removeprefix(self._subpath) or "/"
        return {**scope, "headers": headers, "path": path, "raw_path": quote(path).encode()}

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._refuse(scope) or await self._ask_login(scope, receive)
        if response is None and not is_served(scope["path"]):
            response = JSONResponse({"detail": "Not Found"}, status_code=404)
        if response is not None:
            await response(scope, receive, send)
            return
        receive = limited(receive, self._limit_of(Headers(scope=scope)))
        try:
            if is_stream(scope["path"]):
                await self._stream(scope, receive, send)
            else:
                await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - Gradio has answered; the server would log what it says
            log.error("A request to the web UI failed: %s", trace_of(error))

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whoever logs out hears nothing more in any page of this login: what is being made for it ends, as if the page were closed."""
        is_open = False

        async def sent(message: Message) -> None:
            nonlocal is_open
            is_open = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        running = asyncio.ensure_future(self._app(scope, receive, sent))
        ends = [self._ending]
        if ENDED in scope.get("state", {}) and is_of_events(scope["path"]):
            ends.append(scope["state"][ENDED])
        ending = [asyncio.ensure_future(end.wait()) for end in ends]
        try:
            await asyncio.wait((running, *ending), return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                await asyncio.wait((running,), timeout=LAST_WORDS_S)
        finally:
            for each in (running, *ending):  # nothing where it is done
                each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        if is_open:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _refuse(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._names.allows(host_name(host)):
            return _sentence(NOT_THIS_NAME, 400)
        origin = headers.get("origin")
        # A page elsewhere cannot set this header without asking first, which is refused here too.
        forwarded = headers.get("x-forwarded-host", "").partition(",")[0].strip()
        if origin and not is_own(origin, host) and not is_own(origin, forwarded):
            return _sentence("Only the pages of this server may call it.", 403)
        limit = self._limit_of(headers)
        return _sentence(limit.message, 413) if limit.is_exceeded_by(headers) else None

    def _limit_of(self, headers: Headers) -> BodyLimit:
        return self._upload if has_files(headers) else self._body

    async def _ask_login(self, scope: Scope, receive: Receive) -> Response | None:
        """None when the request may go on, which then has its name in the state."""
        if self._desk is None:
            return None
        headers = Headers(scope=scope)
        token = read_cookie(headers, self._desk.cookie)
        if scope["path"] == "/login" and scope["method"] == "POST":
            return await self._log_in(self._desk, Request(scope, receive))
        if scope["path"] == "/logout":
            self._desk.logins.close(token)
            return self._leave_with(self._desk, None, Request(scope))
        login = self._desk.logins.find(token)
        if login is None:
            return self._show_login(headers, scope["method"])
        if scope["path"] == "/login":
            return RedirectResponse(f"{self._subpath}/", SEE_OTHER)
        scope["state"] = {**scope.get("state", {}), USER: login.name, ENDED: login.ended}
        return None

    def _show_login(self, headers: Headers, method: str) -> Response:
        if method in ("GET", "HEAD") and "text/html" in headers.get("accept", ""):
            return render_login_page(f"{self._subpath}/login", 401)
        return JSONResponse({"detail": "Not logged in"}, 401)

    async def _log_in(self, desk: Desk, request: Request) -> Response:
        """A form with `username` and `password`."""
        action = f"{self._subpath}/login"
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_FORM_BYTES:
                return render_login_page(action, 413, WRONG)
        form = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
        name = form.get("username", [""])[0].strip()
        address = request.client.host if request.client else ""
        try:
            fits = await desk.check.check(address, name, form.get("password", [""])[0])
        except TooManyAttempts:
            return render_login_page(action, 429, TOO_MANY)
        if not fits:
            log.warning("A login to the web UI from %s failed", address or "an unknown address")
            return render_login_page(action, 401, WRONG)
        return self._leave_with(desk, desk.logins.open(name), request)

    def _leave_with(self, desk: Desk, token: str | None, request: Request) -> Response:
        """To the page, with the cookie of a new login or without one."""
        response = RedirectResponse(f"{self._subpath}/", SEE_OTHER)
        is_secure = request.url.scheme == "https"
        if token is None:
            response.delete_cookie(desk.cookie, secure=is_secure, httponly=True, samesite="lax")
        else:
            response.set_cookie(desk.cookie, token, secure=is_secure, httponly=True, samesite="lax")
        response.headers["cache-control"] = "no-store"
        return response


def to_subpath(text: str | None) -> str:
    """`/hearth` of `hearth`, `/hearth/`, ...; empty for none."""
    path = (text or "").strip("/")
    return f"/{path}" if path else ""


def read_cookie(headers: Headers, name: str) -> str | None:
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return None
    return None if cookie is None else cookie.value


def _sentence(text: str, status: int) -> Response:
    return Response(text, status, media_type="text/plain")


def _with_security_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent
