"""The door to huggingface_hub: listings and files of a hub, over its HTTP protocol. Imported late.

`hf_hub_download` of the library starts each file anew after an interruption and checks sizes only, and Xet fetches from other servers
than HF_ENDPOINT names. So the library gives what knows the hub (addresses, tokens, proxies, offline mode, errors, the session), and the
bytes are read here, from wherever a file was left.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, urljoin, urlsplit

import httpx2
import huggingface_hub
from huggingface_hub import constants, get_async_session
from huggingface_hub.hf_api import ModelInfo, RepoSibling
from huggingface_hub.utils import get_token, hf_raise_for_status

from modules.core.errors import ModelError, Unreachable
from modules.downloads.hub_errors import offline, translated
from modules.downloads.remote import RemoteFile, RemoteRepository
from modules.downloads.wanted import Wanted

MAX_REDIRECTS = 10
MAX_LISTING_BYTES = 2**26
LISTING_TIMEOUT_S = 60.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a file from `offset` on."""

    offset: int
    chunks: AsyncIterator[bytes]


class Hub:
    """One session. Unreachable: trying again may help; other errors say what is wrong."""

    def __init__(self, client: httpx2.AsyncClient, token: str | None) -> None:
        self._client = client
        self._has_token = token is not None
        agent = {"user-agent": f"hearth; hf_hub/{huggingface_hub.__version__}"}
        self._headers = agent if token is None else {**agent, "authorization": f"Bearer {token}"}

    async def read_repository(self, wanted: Wanted) -> RemoteRepository:
        """All files with sizes and checksums, at the commit that the branch names now."""
        revision = quote(wanted.revision, safe="")
        url = f"{constants.ENDPOINT}/api/models/{wanted.repository}/revision/{revision}"
        try:
            async with asyncio.timeout(LISTING_TIMEOUT_S):
                with translated(wanted.model, has_token=self._has_token):
                    listing = await self._read_json(url, {"blobs": "true"})
        except TimeoutError:
            raise Unreachable(f"{constants.ENDPOINT} did not answer in time.") from None
        try:
            return await asyncio.to_thread(_to_repository, wanted.repository, listing)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ModelError(f"{constants.ENDPOINT} does not answer as a hub does.") from None

    async def check_access(self, wanted: Wanted, commit: str, file: RemoteFile) -> None:
        """Whether the file could be fetched: a gated model shows its listing to everybody."""
        url = self._address(wanted.repository, commit, file)
        with translated(wanted.model, has_token=self._has_token):
            async with self._open("HEAD", url, {}):
                pass

    @asynccontextmanager
    async def open_file(
        self, wanted: Wanted, commit: str, file: RemoteFile, start: int, end: int
    ) -> AsyncGenerator[Body]:
        """The bytes from `start` to before `end`; a server that knows no ranges gives all of them. Overtaken: the file is shorter."""
        headers: dict[str, str] = {}
        if start or end < file.size:
            headers["range"] = f"bytes={start}-{end - 1}"
        url = self._address(wanted.repository, commit, file)
        with translated(wanted.model, has_token=self._has_token):
            async with self._open("GET", url, headers) as response:
                offset = _offset(response)
                async with aclosing(response.aiter_bytes()) as chunks:
                    yield Body(offset, chunks)

    @asynccontextmanager
    async def _open(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> AsyncGenerator[httpx2.Response]:
        """Follows the hub to where it keeps the bytes. The token goes to the hub only, and HTTPS is not left."""
        sent = {**self._headers, "accept-encoding": "identity", **headers}
        async with AsyncExitStack() as stack:
            for _ in range(MAX_REDIRECTS):
                opened = self._client.stream(
                    method, url, headers=sent, follow_redirects=False, timeout=_timeout()
                )
                response = await stack.enter_async_context(opened)
                if not response.has_redirect_location:
                    hf_raise_for_status(response)
                    yield response
                    return
                await response.aclose()
                url = _redirected(url, response.headers["location"])
                if _origin(url) != _origin(constants.ENDPOINT):
                    sent.pop("authorization", None)
                    if method == "HEAD":  # the hub has let us through; storage signs for GET only
                        yield response
                        return
            raise Unreachable("The hub sends requests around in a circle.", code="hub_refused")

    async def _read_json(self, url: str, params: Mapping[str, str]) -> bytes:
        opened = self._client.stream(
            "GET", url, params=params, headers=self._headers, timeout=_timeout()
        )
        async with opened as response:
            hf_raise_for_status(response)
            received = bytearray()
            async for chunk in response.aiter_bytes():
                received += chunk
                if len(received) > MAX_LISTING_BYTES:
                    raise ModelError("The hub's listing of this model is too long.")
        return bytes(received)

    def _address(self, repository: str, commit: str, file: RemoteFile) -> str:
        return huggingface_hub.hf_hub_url(repository, file.path, revision=commit)


@asynccontextmanager
async def open_hub() -> AsyncGenerator[Hub]:
    if constants.HF_HUB_OFFLINE:
        raise offline()
    if not constants.ENDPOINT.startswith(("http://", "https://")):
        raise Unreachable(f"HF_ENDPOINT is no address of a hub: {constants.ENDPOINT}")
    is_allowed = not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN
    token = await asyncio.to_thread(get_token) if is_allowed else None
    async with get_async_session() as client:
        yield Hub(client, token)


def _to_repository(name: str, listing: bytes) -> RemoteRepository:
    info = ModelInfo(**cast("dict[str, Any]", json.loads(listing)))
    if not _COMMIT.fullmatch(info.sha or ""):
        raise ValueError
    files = [_to_file(sibling) for sibling in info.siblings or []]
    return RemoteRepository(name, str(info.sha), tuple(dict.fromkeys(files)))


def _to_file(sibling: RepoSibling) -> RemoteFile:
    """What is missing shows up as a size or checksum that is none, if the file is chosen."""
    if sibling.lfs is not None:
        return RemoteFile(
            str(sibling.rfilename), int(sibling.lfs.size), "sha256", str(sibling.lfs.sha256)
        )
    size = -1 if sibling.size is None else int(sibling.size)
    return RemoteFile(str(sibling.rfilename), size, "git-sha1", str(sibling.blob_id or ""))


def _offset(response: httpx2.Response) -> int:
    if response.status_code != 206:
        return 0
    match = _RANGE.fullmatch(response.headers.get("content-range", ""))
    if match is None:
        raise Unreachable("The hub sent a part of a file without saying which.", code="hub_refused")
    return int(match[1])


def _redirected(url: str, location: str) -> str:
    target = urljoin(url, location)
    allowed = ("https",) if url.startswith("https:") else ("http", "https")
    if urlsplit(target).scheme not in allowed:
        raise Unreachable("The hub leads to an address that is not safe.", code="hub_refused")
    return target


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _timeout() -> httpx2.Timeout:
    """HF_HUB_DOWNLOAD_TIMEOUT bounds each wait for bytes, not the whole."""
    return httpx2.Timeout(constants.HF_HUB_DOWNLOAD_TIMEOUT, pool=None)
