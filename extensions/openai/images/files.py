"""Pictures that were asked for as URLs: in memory only, for a while, under names that cannot be guessed."""

import asyncio
import secrets
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from modules.core.errors import NotFound

PREFIX = "/v1/images/files/"
MAX_FILES = 1000
MAX_BYTES = 256 * 2**20

router = APIRouter(tags=["images"])


@dataclass(frozen=True, slots=True)
class ImageFile:
    """`expires`: by the store's clock."""

    data: bytes
    media_type: str
    expires: float


class ImageFiles:
    """All methods belong to the event loop. Past the limits the oldest go first; the end of the process ends them all.

    The pictures of one answer are all there when it goes out, also where they are larger than the limit together.
    """

    def __init__(
        self,
        ttl_s: float,
        *,
        max_files: int = MAX_FILES,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ttl_s = ttl_s
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._clock = clock
        self._files: dict[str, ImageFile] = {}  # oldest first
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None  # for the oldest

    def add(
        self, data: bytes, ending: str, media_type: str, kept: Container[str] = frozenset()
    ) -> str:
        """The file's name: whoever knows it can fetch the picture. `kept`: names of others that stay."""
        self._drop_expired()
        self._make_room(len(data), kept)
        name = f"{secrets.token_urlsafe(32)}.{ending}"
        self._files[name] = ImageFile(data, media_type, self._clock() + self._ttl_s)
        self._bytes += len(data)
        self._watch_oldest()
        return name

    def _make_room(self, size: int, kept: Container[str]) -> None:
        for name in [name for name in self._files if name not in kept]:
            if len(self._files) < self._max_files and self._bytes + size <= self._max_bytes:
                return
            self._drop(name)

    def _watch_oldest(self) -> None:
        if self._timer is None and self._files:
            oldest = next(iter(self._files.values()))
            wait_s = oldest.expires - self._clock()
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._drop_expired()
        self._watch_oldest()

    def get(self, name: str) -> ImageFile:
        self._drop_expired()
        if name not in self._files:
            raise NotFound("There is no such picture; they are kept for a limited time.")
        return self._files[name]

    def seconds_left(self, file: ImageFile) -> int:
        return max(0, int(file.expires - self._clock()))

    def _drop_expired(self) -> None:
        now = self._clock()
        while self._files and next(iter(self._files.values())).expires <= now:
            self._drop(next(iter(self._files)))

    def _drop(self, name: str) -> None:
        self._bytes -= len(self._files.pop(name).data)


def _files(request: Request) -> ImageFiles:
    return request.app.state.image_files


Files = Annotated[ImageFiles, Depends(_files)]


def url_of(name: str, request: Request) -> str:
    """With the scheme and the host that the client used; a proxy or tunnel on this machine says them in its headers."""
    return f"{str(request.base_url).rstrip('/')}{PREFIX}{name}"


@router.get(PREFIX + "{name}", response_class=Response)
async def get_image_file(name: str, request: Request, files: Files) -> Response:
    """A picture that was asked for with response_format "url". Needs no key: its name is the secret."""
    file = files.get(name)
    tag = f'"{name.partition(".")[0][:16]}"'
    headers = {
        "ETag": tag,
        "Cache-Control": f"private, max-age={files.seconds_left(file)}",
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "none",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(file.data, media_type=file.media_type, headers=headers)
