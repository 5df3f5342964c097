"""HTTP to one upstream server: whole answers from any thread, streams in the event loop.

Nothing is done behind our back: no redirects, no proxies of the environment, no cookies, no compressed bodies.
"""

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpcore
import orjson

from modules.core.errors import NotReady, Unreachable
from modules.loaders.upstream.address import Address
from modules.loaders.upstream.faults import Complaint, fault_of, garbled, read_complaint
from modules.loaders.upstream.json_values import to_json

CONNECT_S = 10.0
IDLE_S = 3.0
"""Less than the five seconds after which uvicorn, vLLM and llama-server close an idle connection: so none is used as it is closed."""
IDLE_CONNECTIONS = 32
DRAIN_S = 0.5
MAX_ANSWER_BYTES = 2**26
MAX_ERROR_BYTES = 2**16
MAX_STREAM_BYTES = 2**28
VIA = "x-hearth-via"
"""Header by which a Hearth knows a request that another one passes on, and its own that comes back."""

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a server. `own_id` names this process; `timeout_s` bounds each wait for bytes."""

    address: Address
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 600.0
    proxy: Address | None = None
    own_id: str = ""
    idle_connections: int = IDLE_CONNECTIONS


class Connection:
    """`ask` blocks and is for any thread; `stream` belongs to an event loop. AppError when there is no good answer."""

    def __init__(self, access: Access) -> None:
        self.address = access.address
        self._access = access
        self._key = access.key or ""
        self._tls: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._pools: dict[asyncio.AbstractEventLoop, httpcore.AsyncConnectionPool] = {}

    def ask(
        self, method: str, path: str, body: Body | None = None, timeout_s: float | None = None
    ) -> Any:
        """The JSON of a whole answer, which must have come within `timeout_s`."""
        limit_s = timeout_s or self._access.timeout_s
        ends = time.monotonic() + limit_s
        pool = httpcore.ConnectionPool(ssl_context=self._load_tls(), proxy=self._proxy())
        with self._translated(), pool:
            opened = pool.stream(
                method,
                self.address.url(path),
                headers=[*self._headers(), ("Connection", "close")],
                content=None if body is None else to_json(body),
                extensions={"timeout": _timeouts(limit_s)},
            )
            with opened as response:
                data = _read_whole(response, MAX_ANSWER_BYTES, ends)
        if response.status != 200:
            raise self._fault(response, data)
        return _parse(data)

    @asynccontextmanager
    async def stream(self, path: str, body: bytes) -> AsyncGenerator["Answer"]:
        """Entered when the answer has begun, with status 200. Leaving it before its end closes the connection."""
        timeouts = _timeouts(self._access.timeout_s)
        pool = await self._pool()
        with self._translated():
            opened = pool.stream(
                "POST",
                self.address.url(path),
                headers=self._headers(),
                content=body,
                extensions={"timeout": timeouts},
            )
            async with opened as response:
                if response.status != 200:
                    data = await _read_some(response, MAX_ERROR_BYTES)
                    raise self._fault(response, data)
                answer = Answer(response, self._key)
                yield answer
                await answer.drain()

    def close(self) -> None:
        """From any thread. Idle connections are closed by the loops that they belong to."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for loop, pool in pools.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_close_later, pool)

    async def _pool(self) -> httpcore.AsyncConnectionPool:
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            tls = self._tls or await asyncio.to_thread(self._load_tls)
            with self._lock:
                self._pools = {each: p for each, p in self._pools.items() if not each.is_closed()}
                self._pools.setdefault(loop, self._build_pool(tls))
        return self._pools[loop]

    def _build_pool(self, tls: ssl.SSLContext) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=tls,
            proxy=self._proxy(),
            max_connections=None,
            max_keepalive_connections=self._access.idle_connections,
            keepalive_expiry=IDLE_S,
        )

    def _load_tls(self) -> ssl.SSLContext:
        """Reads the system's certificates, once; SSL_CERT_FILE names others."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def _proxy(self) -> httpcore.Proxy | None:
        proxy = self._access.proxy
        return None if proxy is None else httpcore.Proxy(proxy.url("/"))

    def _headers(self) -> list[tuple[str, str]]:
        headers = [
            ("Host", self.address.authority),
            ("Accept", "application/json, text/event-stream"),
            ("Accept-Encoding", "identity"),
            ("Content-Type", "application/json"),
            ("User-Agent", "Hearth"),
        ]
        if self._access.own_id:
            headers.append((VIA, self._access.own_id))
        if self._key:
            headers.append(("Authorization", f"Bearer {self._key}"))
        return headers

    def _fault(self, response: httpcore.Response, data: bytes) -> Exception:
        try:
            body: Any = orjson.loads(data)
        except ValueError:
            body = None
        retry_after = header_of(response, "retry-after")
        return fault_of(response.status, read_complaint(body, self._key), retry_after)

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except httpcore.ConnectError as error:
            raise NotReady(
                f"The upstream server cannot be reached{_why(error)}.",
                retry_after_s=5,
                code="upstream_unreachable",
            ) from None
        except httpcore.TimeoutException:
            raise Unreachable(
                "The upstream server did not answer in time.", code="upstream_timeout"
            ) from None
        except (httpcore.NetworkError, httpcore.ProtocolError):
            raise Unreachable(
                "The connection to the upstream server broke.", code="upstream_broken"
            ) from None
        except httpcore.ProxyError:
            raise Unreachable(
                "The proxy does not let this server through to the upstream server.",
                code="upstream_unreachable",
            ) from None


class Answer:
    """A streamed answer."""

    def __init__(self, response: httpcore.Response, secret: str) -> None:
        self._response = response
        self._secret = secret
        self._chunks = response.aiter_stream()

    def header(self, name: str) -> str:
        return header_of(self._response, name)

    def read_complaint(self, body: Any) -> Complaint:
        return read_complaint(body, self._secret)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """As they arrive; Unreachable when there is no end of them."""
        received = 0
        async for chunk in self._chunks:
            received += len(chunk)
            if received > MAX_STREAM_BYTES:
                raise garbled("its reply is too long")
            yield chunk

    async def drain(self) -> None:
        """Reads to the end that has been announced, so that the connection can be used again."""
        try:
            async with asyncio.timeout(DRAIN_S):
                async for _ in self._chunks:
                    pass
        except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
            pass  # the reply is whole; only the connection is lost


def header_of(response: httpcore.Response, name: str) -> str:
    """The first of that name; empty when there is none."""
    wanted = name.encode()
    for key, value in response.headers:
        if key.lower() == wanted:
            return value.decode("latin-1").strip()
    return ""


def _read_whole(response: httpcore.Response, limit: int, ends: float) -> bytes:
    received = bytearray()
    for chunk in cast("Any", response).iter_stream():
        received += chunk
        if len(received) > limit:
            raise garbled("its answer is too long")
        if time.monotonic() > ends:
            raise httpcore.ReadTimeout("the whole took too long")
    return bytes(received)


async def _read_some(response: httpcore.Response, limit: int) -> bytes:
    received = bytearray()
    async for chunk in response.aiter_stream():
        received += chunk
        if len(received) > limit:
            break
    return bytes(received)


def _parse(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except ValueError:
        raise garbled("its answer is not JSON") from None


def _timeouts(seconds: float) -> dict[str, float]:
    return {"connect": min(CONNECT_S, seconds), "read": seconds, "write": seconds}


def _close_later(pool: httpcore.AsyncConnectionPool) -> None:
    closing = asyncio.ensure_future(pool.aclose())
    closing.add_done_callback(lambda done: done.cancelled() or done.exception())


def _why(error: Exception) -> str:
    """A certificate that is not trusted is for the operator to mend, and nothing else would tell."""
    is_tls = any(isinstance(each, ssl.SSLError) for each in (error.__cause__, error.__context__))
    return ": its certificate is not trusted" if is_tls else ""
