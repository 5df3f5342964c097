"""Behind the login: no request gets through that names the page, or an event, of somebody else. Plain ASGI."""

import hashlib
import re
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modules.ui.access.caller import calling_as
from modules.ui.access.door import USER
from modules.ui.access.form_fields import FORM, FormStrings
from modules.ui.access.json_keys import TopLevelStrings
from modules.ui.access.pages import Pages, UnclearPage

PAGE, EVENT, UPLOAD = "session_hash", "event_id", "upload_id"
"""What Gradio calls them in queries and bodies."""
UPLOADING = re.compile(r"/gradio_api/upload/?")
WATCHING = re.compile(r"/gradio_api/upload_progress/?")
PAGE_IN_PATH = re.compile(
    r"/gradio_api/heartbeat/([^/]+)/?|/gradio_api/stream/([^/]+)/.+", re.DOTALL
)
EVENT_IN_PATH = re.compile(r"/gradio_api/stream/([^/]+)(?:/close)?/?")
"""Of a POST: what an event that is running is sent."""


class PageCheck:
    """Stands between the door, which knows the login, and Gradio."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        login: str = scope["state"][USER]
        scope = _with_own_upload(scope, login)
        with Visit(self._pages, login) as visit:
            try:
                for key, value in _named_in_head(scope):
                    visit.name(key, value)
                body = _read_body(scope)
            except HTTPException as refusal:
                await _answer(refusal)(scope, receive, send)
                return
            with calling_as(login):
                await self._pass(visit, body, scope, receive, send)

    async def _pass(
        self,
        visit: "Visit",
        body: TopLevelStrings | FormStrings | None,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """The application never sees the part of a body that names somebody else's page, nor what comes after it."""
        refusals: list[HTTPException] = []
        is_answered = False

        async def received() -> Message:
            message = await receive()
            if body is not None and message["type"] == "http.request":
                try:
                    body.feed(message.get("body", b""))
                    while body.found:
                        visit.name(*body.found.pop())
                except HTTPException as error:
                    refusals.append(error)
                    raise
            return message

        async def sent(message: Message) -> None:
            nonlocal is_answered
            if not refusals:
                is_answered = True
                await send(message)

        try:
            await self._app(scope, received, sent)
        except HTTPException as error:
            if error not in refusals:
                raise
        if refusals and not is_answered:
            await _answer(refusals[0])(scope, receive, send)


class Visit:
    """One request of a login. The page that it comes from is in use until it ends."""

    def __init__(self, pages: Pages, login: str) -> None:
        self._pages = pages
        self._login = login
        self._page: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._page is not None:
            self._pages.leave(self._page)

    def name(self, key: str, value: str) -> None:
        """The request names a page or an event. ForeignPage, TooManyPages; UnclearPage when it is of another page than what it named before."""
        page = self._pages.kept.page_of(value) if key == EVENT else value
        if page is None or page == self._page:
            return
        self._pages.enter(page, self._login)
        if self._page is not None:
            self._pages.leave(page)
            raise UnclearPage
        self._page = page


def _named_in_head(scope: Scope) -> list[tuple[str, str]]:
    path: str = scope["path"]
    named = [(key, value) for key, value in _query_of(scope) if key in (PAGE, EVENT)]
    named += [(PAGE, value) for value in Headers(scope=scope).getlist(PAGE)]
    if scope["method"] == "POST":
        if event := EVENT_IN_PATH.fullmatch(path):
            named.append((EVENT, event[1]))
    elif page := PAGE_IN_PATH.fullmatch(path):
        named.append((PAGE, page[1] or page[2]))
    return named


def _read_body(scope: Scope) -> TopLevelStrings | FormStrings | None:
    """What reads the body along with Gradio, by the rule by which Gradio chooses. Uploads name no page, and are large."""
    if UPLOADING.fullmatch(scope["path"]):
        return None
    kind = Headers(scope=scope).get("content-type", "")
    if kind.startswith(FORM):
        return FormStrings(kind, (PAGE, EVENT))
    return TopLevelStrings((PAGE, EVENT))


def _with_own_upload(scope: Scope, login: str) -> Scope:
    """Whoever knows the id of an upload can watch it, so ids of one login are none of another."""
    path: str = scope["path"]
    if not (UPLOADING.fullmatch(path) or WATCHING.fullmatch(path)):
        return scope
    own = hashlib.sha256(login.encode(errors="surrogatepass")).hexdigest()
    pairs = [(key, f"{own}-{value}" if key == UPLOAD else value) for key, value in _query_of(scope)]
    return {**scope, "query_string": urlencode(pairs).encode()}


def _query_of(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _answer(refusal: HTTPException) -> JSONResponse:
    return JSONResponse({"detail": refusal.detail}, refusal.status_code)
