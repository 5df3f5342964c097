"""Connections to public addresses only: a name is looked up once, and only what was checked is connected to."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import cast

import httpcore

from extensions.openai.media.addresses import is_public
from extensions.openai.media.errors import blocked, fetch_failed
from extensions.openai.media.web_urls import WebUrl

MAX_TRIES = 4
CONNECT_S = 5.0
"""For one address; the next is tried then."""
MIN_FREE_PORT = 1024
WEB_PORTS = (80, 443)
LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa", "lan", "test")

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses; OSError when there are none."""


async def resolve_host(host: str, port: int) -> list[str]:
    """By the system, in a thread of its own: a slow name server must not take the threads that all requests share."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def finish(outcome: list[str] | OSError) -> None:
        if found.done():  # nobody waits any more
            return
        if isinstance(outcome, list):
            found.set_result(outcome)
        else:
            found.set_exception(outcome)

    def run() -> None:
        try:
            outcome: list[str] | OSError = _look_up(host, port)
        except OSError as error:
            outcome = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish, outcome)

    threading.Thread(target=run, name="resolve", daemon=True).start()
    return await found


def _look_up(host: str, port: int) -> list[str]:
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError("no name that can be looked up") from error
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


class Guard:
    """Says which addresses a URL may be fetched from. `allows_local` leaves out every check of the place."""

    def __init__(self, *, allows_local: bool, resolve: Resolver = resolve_host) -> None:
        self._allows_local = allows_local
        self._resolve = resolve

    async def addresses(self, url: WebUrl) -> list[str]:
        """At least one, all of them public; RequestError otherwise. Call it once a connection."""
        if not self._allows_local and not _is_public_place(url):
            raise blocked()
        found = [url.host] if url.is_address else await self._look_up(url)
        if not self._allows_local and not all(is_public(address) for address in found):
            raise blocked()
        return found

    async def _look_up(self, url: WebUrl) -> list[str]:
        try:
            found = list(await self._resolve(url.host, url.port))
        except OSError:
            found = []
        if not found:
            raise fetch_failed("its host name is not known")
        return found


def _is_public_place(url: WebUrl) -> bool:
    """By name and port. Low ports other than the web's belong to mail, shells and the like."""
    if url.port not in WEB_PORTS and url.port < MIN_FREE_PORT:
        return False
    if url.is_address:
        return True
    has_domain = "." in url.host
    return has_domain and not any(url.host.endswith(f".{name}") for name in LOCAL_NAMES)


class PinnedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the given addresses, whatever host it is asked for; TLS goes on with the host's name."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._sockets = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses[:MAX_TRIES]:
            try:
                return await self._sockets.connect_tcp(
                    address, port, timeout or CONNECT_S, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure
