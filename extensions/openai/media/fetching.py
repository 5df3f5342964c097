"""Pictures from the web. Nothing of this machine goes along: no proxies of the environment, no cookies, no .netrc."""

import asyncio
import ssl
from collections.abc import Callable, Sequence

import httpcore

from extensions.openai.media.budget import ByteBudget
from extensions.openai.media.errors import fetch_failed
from extensions.openai.media.network import Guard, PinnedNetwork
from extensions.openai.media.web_urls import WebUrl, parse_web_url
from modules.settings import VERSION

MAX_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
# Compressed bodies are refused: pictures are compressed themselves, and a small one could grow without end.
HEADERS = {
    "Accept": "image/*",
    "Accept-Encoding": "identity",
    "User-Agent": f"Hearth/{VERSION}",
    "Connection": "close",
}


class Fetcher:
    """`tls` makes the rules by which certificates are checked (it reads files), `network` what connects to checked addresses."""

    def __init__(
        self,
        guard: Guard,
        tls: Callable[[], ssl.SSLContext] = httpcore.default_ssl_context,
        network: Callable[[Sequence[str]], httpcore.AsyncNetworkBackend] = PinnedNetwork,
    ) -> None:
        self._guard = guard
        self._tls = tls
        self._network = network

    async def fetch(self, text: str, budget: ByteBudget) -> bytes:
        """The file behind a URL. No time limit of its own: the caller cancels."""
        url = parse_web_url(text)
        for _ in range(MAX_REDIRECTS + 1):
            found = await self._ask(url, budget)
            if isinstance(found, bytes):
                return found
            url = found
        raise fetch_failed(f"it is redirected more than {MAX_REDIRECTS} times")

    async def _ask(self, url: WebUrl, budget: ByteBudget) -> bytes | WebUrl:
        """The file, or where to look instead. Every hop is checked, looked up and connected anew."""
        addresses = await self._guard.addresses(url)
        tls = await asyncio.to_thread(self._tls) if url.is_secure else None
        headers = [*HEADERS.items(), ("Host", url.authority)]
        pool = httpcore.AsyncConnectionPool(
            ssl_context=tls, network_backend=self._network(addresses), retries=0
        )
        try:
            async with pool, pool.stream("GET", _to_httpcore(url), headers=headers) as response:
                return await _read(url, response, budget)
        except (httpcore.TimeoutException, httpcore.NetworkError):
            raise fetch_failed("there is no connection to its host") from None
        except httpcore.ProtocolError:
            raise fetch_failed("its host does not answer as a web server does") from None


def _to_httpcore(url: WebUrl) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.scheme.encode(),
        host=url.host.encode(),
        port=url.port,
        target=url.target.encode(),
    )


async def _read(url: WebUrl, response: httpcore.Response, budget: ByteBudget) -> bytes | WebUrl:
    if response.status in REDIRECTS:
        location = _header(response, b"location")
        if not location:
            raise fetch_failed("its host redirects nowhere")
        return url.follow(location)
    if response.status != 200:
        raise fetch_failed(f"its host answers with status {response.status}")
    if _header(response, b"content-encoding").lower() not in ("", "identity"):
        raise fetch_failed("its host sends it compressed, though asked not to")
    length = _header(response, b"content-length")
    if length.isdecimal():
        budget.check(int(length))
    received = bytearray()
    async for piece in response.aiter_stream():
        budget.take(len(piece))
        received += piece
    return bytes(received)


def _header(response: httpcore.Response, name: bytes) -> str:
    """The first of that name; empty when there is none."""
    for key, value in response.headers:
        if key.lower() == name:
            return value.decode("utf-8", "replace").strip()
    return ""
