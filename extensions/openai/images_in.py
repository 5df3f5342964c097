"""Pictures of requests: from what `image_url` says to pixels."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from extensions.openai.media.budget import ByteBudget
from extensions.openai.media.errors import blocked, fetch_failed, invalid_url
from extensions.openai.media.fetching import Fetcher
from extensions.openai.media.inline import is_inline, read_inline
from extensions.openai.media.local_files import is_local_file, read_local_file
from extensions.openai.media.network import Guard
from modules.core.errors import RequestError
from modules.core.messages import Image
from modules.pictures.decoding import Decoder
from modules.settings import Settings

CONCURRENCY = 4
"""Pictures of a request that are fetched at the same time."""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """`url`: data:, http(s):, base64 alone; with --allow-local-images also file: and paths. `param`: the field that says it."""

    url: str
    param: str


async def load_images(
    sources: Sequence[ImageSource],
    settings: Settings,
    *,
    fetcher: Fetcher | None = None,
    keeps_files: bool = False,
) -> list[Image]:
    """One for each source, in their order. The same URL is fetched and decoded once. `keeps_files`: to be passed on, not to be seen here.

    RequestError names the field of the first source that cannot be had, with the code image_url_blocked, image_fetch_failed,
    image_too_large, invalid_image, invalid_image_url or too_many_images. Cancel it at any time.
    """
    files = await fetch_images(sources, settings, fetcher=fetcher)
    decoder = Decoder(settings.max_image_pixels)
    read = decoder.check if keeps_files else decoder.decode
    images = await asyncio.to_thread(_decode_all, sources, files, read)
    return [images[source.url] for source in sources]


async def fetch_images(
    sources: Sequence[ImageSource], settings: Settings, *, fetcher: Fetcher | None = None
) -> dict[str, bytes]:
    """The files by their URLs, not yet decoded. RequestError as of `load_images`."""
    if len(sources) > settings.max_images:
        raise RequestError(
            f"A request may have {settings.max_images} pictures; this one has {len(sources)}.",
            param=sources[settings.max_images].param,
            code="too_many_images",
        )
    guard = Guard(allows_local=settings.allow_local_images)
    return await _read_all(sources, _Reader(settings, fetcher or Fetcher(guard)))


class _Reader:
    """Files by their URLs, within what one request may take of time, bytes and connections."""

    def __init__(self, settings: Settings, fetcher: Fetcher) -> None:
        self._allows_local = settings.allow_local_images
        self._fetcher = fetcher
        self._budget = ByteBudget(settings.max_image_mb)
        self._timeout_s = settings.image_timeout_s
        self._ends = asyncio.get_running_loop().time() + settings.image_timeout_s
        self._turn = asyncio.Semaphore(CONCURRENCY)

    async def read(self, url: str) -> bytes:
        if is_inline(url):
            self._budget.take(len(url) * 3 // 4)
            return await asyncio.to_thread(read_inline, url)
        if url[:5].lower() == "http:" or url[:6].lower() == "https:":
            return await self._fetch(url)
        if is_local_file(url):
            return await self._read_local(url)
        raise invalid_url("it is neither http(s) nor data:, nor the base64 of a picture")

    async def _fetch(self, url: str) -> bytes:
        try:
            async with asyncio.timeout_at(self._ends), self._turn:
                return await self._fetcher.fetch(url, self._budget)
        except TimeoutError:
            raise fetch_failed(f"it took more than {self._timeout_s:g} seconds") from None

    async def _read_local(self, url: str) -> bytes:
        if not self._allows_local:
            raise blocked()
        async with self._turn:
            data = await asyncio.to_thread(read_local_file, url, self._budget.left)
            self._budget.take(len(data))
            return data


async def _read_all(sources: Sequence[ImageSource], reader: _Reader) -> dict[str, bytes]:
    tasks = {
        url: asyncio.ensure_future(reader.read(url))
        for url in dict.fromkeys(source.url for source in sources)
    }
    try:
        # In their order, so that which of several faults is told does not depend on chance.
        return {source.url: await _told(tasks[source.url], source) for source in sources}
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def _told(task: asyncio.Future[bytes], source: ImageSource) -> bytes:
    try:
        return await task
    except RequestError as error:
        raise _at(error, source) from None


def _decode_all(
    sources: Sequence[ImageSource], files: Mapping[str, bytes], read: Callable[[bytes], Image]
) -> dict[str, Image]:
    images: dict[str, Image] = {}
    for source in sources:
        if source.url not in images:
            try:
                images[source.url] = read(files[source.url])
            except RequestError as error:
                raise _at(error, source) from error.__cause__
    return images


def _at(error: RequestError, source: ImageSource) -> RequestError:
    return RequestError(error.message, param=source.param, code=error.code)
