"""The gate in front of every route: host, origin, key, media type and size. Plain ASGI, since it sees every request."""

import asyncio
import logging
import time

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from extensions.openai.access import Keys
from extensions.openai.errors import error_body, to_response
from modules.core.errors import AuthError, NotReady
from modules.engine.traffic import RequestKind, Traffic
from modules.settings import Settings
from modules.web.access import HostRule, OriginRule
from modules.web.bodies import BodyLimit, BodyTooLarge, has_files, kind_of_body, limited

log = logging.getLogger("hearth.api")

WANTS_HEAD = "wants_head"
"""Key of a request's state: no body is sent, so that a stream that never ends must not begin."""
VIA = "x-hearth-via"
"""Names the Hearth that passes a request on to this one."""
OPEN_PATHS = frozenset(("/", "/health", "/docs", "/openapi.json", "/favicon.ico"))
OPEN_PREFIXES = ("/docs/", "/v1/images/files/")
"""Of pages, and of pictures whose names are secrets: browsers fetch both without a key."""
WEBSOCKET = "WEBSOCKET"
POLICY_VIOLATION = 1008
CLIENT_LEFT = 499
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
MAX_JSON_PARTS = 2_000_000
"""Commas and opening brackets of a body. To read JSON keeps all requests waiting, for a time that grows with its parts rather than
with its bytes: a large picture is one part."""
_PART_MARKS = (b",", b"[", b"{")
_TOO_MANY_PARTS = f"The request body has more than {MAX_JSON_PARTS} parts (commas and brackets)."


class Gate:
    """Refuses what must not reach a route; leaves `is_admin` in the request's state for those that do.

    `own_id`: how this server names itself to the server that it passes requests on to.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, traffic: Traffic, own_id: str | None = None
    ) -> None:
        self._app = app
        self._own_id = own_id
        self._keys = Keys.from_settings(settings)
        self._hosts = HostRule.from_settings(settings, has_tunnel=settings.public_api)
        self._origins = OriginRule.from_settings(settings)
        self._body = BodyLimit(settings.api_max_body_mb)
        self._upload = BodyLimit(settings.max_upload_mb)
        self._is_debug = settings.debug
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._pass_websocket(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = self._refuse(scope)
            if scope["method"] == "HEAD":  # answered as GET; the server below leaves the body out
                scope = {**scope, "method": "GET"}
                scope.setdefault("state", {})[WANTS_HEAD] = True
            if refusal is not None:
                await refusal(scope, receive, watch)
            else:
                await self._app(scope, self._limited(scope, receive), watch)
        except asyncio.CancelledError:
            # The end of the program, which waits for no request longer than for its grace.
            if not status:
                await to_response(NotReady("The server is shutting down."))(scope, receive, watch)
        finally:
            self._note(scope, status, time.monotonic() - began)

    async def _pass_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An extension may mount one: the same rules hold for it."""
        if self._refuse(scope) is None:
            await self._app(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    def _refuse(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if self._own_id is not None and headers.get(VIA) == self._own_id:
            return _refusal(508, "The upstream server is this server itself.", "upstream_loop")
        host = headers.get("host", "")
        if not self._hosts.allows(host):
            return _refusal(
                400, "The Host header names a host that is not served here.", "invalid_host"
            )
        origin = headers.get("origin")
        method = scope.get("method", WEBSOCKET)
        if origin and method not in SAFE_METHODS and not self._origins.allows(origin, host):
            return _refusal(
                403, "Web pages from this origin may not call this API.", "origin_not_allowed"
            )
        if not _is_open(scope["path"]):
            try:
                scope.setdefault("state", {})["is_admin"] = self._keys.check(headers)
            except AuthError as error:
                return to_response(error)
        return self._refuse_body(method, headers)

    def _refuse_body(self, method: str, headers: Headers) -> JSONResponse | None:
        limit = self._limit_of(headers)
        if limit.is_exceeded_by(headers):
            return _refusal(413, limit.message, "request_too_large")
        length = headers.get("content-length", "")
        has_body = length not in ("", "0") or "transfer-encoding" in headers
        kind = kind_of_body(headers)
        if method in SAFE_METHODS or not has_body or _is_known_body(kind):
            return None
        return _refusal(
            415,
            "Send the body as JSON, with the header 'Content-Type: application/json'.",
            "unsupported_media_type",
        )

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """A body without a length is counted while it comes in, and so are the parts of JSON."""
        parts = 0
        headers = Headers(scope=scope)

        def count(body: bytes) -> None:
            nonlocal parts
            parts += sum(map(body.count, _PART_MARKS))
            if parts > MAX_JSON_PARTS:
                raise BodyTooLarge(_TOO_MANY_PARTS)

        return limited(receive, self._limit_of(headers), None if has_files(headers) else count)

    def _limit_of(self, headers: Headers) -> BodyLimit:
        return self._upload if has_files(headers) else self._body

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._traffic.note(RequestKind(route, scope["method"], status or CLIENT_LEFT))
        if self._is_debug:
            log.debug("%s %s %d %.3f s", scope["method"], route, status, seconds)


def _refusal(status: int, message: str, code: str) -> JSONResponse:
    return JSONResponse(
        error_body(message, "invalid_request_error", None, code), status_code=status
    )


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)


def _is_known_body(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json") or kind == "multipart/form-data"
