"""HTTP with that server. Nothing of this machine goes along: no proxies of the environment, no cookies, no .netrc."""

import json
import logging
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpcore

from modules.core.errors import ModelError, NotReady
from modules.loaders.images.a1111.address import WebuiAddress

log = logging.getLogger("hearth.images")

CONNECT_S = 5.0
WRITE_S = 60.0
MIB = 2**20
RETRY_AFTER_S = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one answer: the longest silence, and how much is read."""

    read_s: float = 10.0
    max_bytes: int = 4 * MIB
    connect_s: float = CONNECT_S


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes

    def json(self) -> Any:
        """ModelError where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise ModelError(
                "The image server answered with something that is not JSON; is sd_webui_url its address?"
            ) from None


class WebuiClient:
    """For one event loop. Errors name neither the address nor anything that was sent; the log has the address."""

    def __init__(self, address: WebuiAddress) -> None:
        self._address = address
        tls = httpcore.default_ssl_context() if address.scheme == "https" else None
        self._pool = httpcore.AsyncConnectionPool(ssl_context=tls, retries=0)

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._pool.__aexit__(kind, error, trace)

    async def get(self, route: str, limits: Limits) -> Reply:
        return await self._ask("GET", route, None, limits)

    async def post(self, route: str, body: object, limits: Limits) -> Reply:
        return await self._ask("POST", route, json.dumps(body).encode(), limits)

    async def _ask(self, method: str, route: str, body: bytes | None, limits: Limits) -> Reply:
        """NotReady where there is no connection, or it ends too early; ModelError where the answer cannot be used."""
        try:
            async with self._pool.stream(
                method,
                self._url(route),
                headers=self._headers(),
                content=body,
                extensions={"timeout": _timeouts(limits)},
            ) as response:
                return Reply(response.status, await _read(response, limits.max_bytes))
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            log.warning("The image server %s: %s", self._address.shown, error)
            raise _unavailable("cannot be reached") from None
        except httpcore.TimeoutException:
            raise _unavailable("did not answer in time") from None
        except (httpcore.NetworkError, httpcore.ProtocolError):
            raise _unavailable("broke the connection off") from None

    def _url(self, route: str) -> httpcore.URL:
        address = self._address
        return httpcore.URL(
            scheme=address.scheme.encode(),
            host=address.host.encode(),
            port=address.port,
            target=f"{address.path}{route}".encode(),
        )

    def _headers(self) -> list[tuple[str, str]]:
        """Compressed answers are refused: a small one could grow without end."""
        headers = [
            ("Host", self._address.authority),
            ("Accept", "application/json"),
            ("Accept-Encoding", "identity"),
            ("Content-Type", "application/json"),
            ("User-Agent", "Hearth"),
        ]
        known = self._address.authorization
        return headers if known is None else [*headers, ("Authorization", known)]


def _unavailable(what: str) -> NotReady:
    return NotReady(
        f"The image server {what}.", retry_after_s=RETRY_AFTER_S, code="image_server_unavailable"
    )


def _timeouts(limits: Limits) -> dict[str, float]:
    return {
        "connect": limits.connect_s,
        "pool": limits.connect_s,
        "write": WRITE_S,
        "read": limits.read_s,
    }


async def _read(response: httpcore.Response, max_bytes: int) -> bytes:
    received = bytearray()
    async for piece in response.aiter_stream():
        received += piece
        if len(received) > max_bytes:
            raise ModelError(
                f"The image server sent more than {max_bytes / MIB:.0f} MiB, which is more than was asked for."
            )
    return bytes(received)
