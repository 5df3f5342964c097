"""The checkpoints that the server has, asked for now and then."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast

from modules.core.errors import AppError, ModelError, NotInstalled, NotReady
from modules.loaders.images.a1111.address import WebuiAddress
from modules.loaders.images.a1111.client import Limits, WebuiClient
from modules.loaders.images.a1111.refusals import check_reply

log = logging.getLogger("hearth.images")

KNOWN_FOR_S = 60.0
FAILED_FOR_S = 15.0
LIST_S = 3.0
LIST_LIMITS = Limits(read_s=LIST_S, connect_s=2.0)
MAX_CHECKPOINTS = 1000
MAX_NAME_CHARS = 300


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`name` is what people call it, `title` what the server wants to be told."""

    name: str
    title: str


class Checkpoints:
    """From any thread that has no event loop. Whoever asks while another thread looks gets what was known before."""

    def __init__(
        self,
        address: WebuiAddress,
        fetch: Callable[[WebuiAddress], list[Checkpoint]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._fetch = fetch or fetch_checkpoints
        self._clock = clock
        self._found: list[Checkpoint] = []
        self._holds_until = clock()
        self._looking = Lock()

    def known(self) -> list[Checkpoint]:
        """Looks anew when the last look is old. What was known stays known while the server cannot be asked."""
        if self._clock() < self._holds_until or not self._looking.acquire(blocking=False):
            return self._found
        try:
            self._look()
        except AppError as error:
            log.info("The checkpoints of the image server are not known: %s", error.message)
        finally:
            self._looking.release()
        return self._found

    def title(self, name: str) -> str:
        """What the server is told to use that checkpoint; NotInstalled where it has none of that name, NotReady where it cannot be asked."""
        for checkpoint in self._found:
            if checkpoint.name == name:
                return checkpoint.title
        with self._looking:
            self._look()
        for checkpoint in self._found:
            if checkpoint.name == name:
                return checkpoint.title
        raise NotInstalled(f"The image server has no checkpoint {name!r}.")

    def _look(self) -> None:
        self._holds_until = self._clock() + FAILED_FOR_S
        self._found = self._fetch(self._address)
        self._holds_until = self._clock() + KNOWN_FOR_S


def fetch_checkpoints(address: WebuiAddress) -> list[Checkpoint]:
    """From /sdapi/v1/sd-models, in a few seconds or not at all."""
    try:
        found = asyncio.run(_fetch(address))
    except TimeoutError:
        raise NotReady("The image server did not answer in time.") from None
    if not isinstance(found, list):
        raise ModelError("The image server's list of checkpoints is none.")
    entries = cast("list[Any]", found)[:MAX_CHECKPOINTS]
    read = [_read(entry) for entry in entries]
    return list({each.name: each for each in read if each is not None}.values())


async def _fetch(address: WebuiAddress) -> Any:
    async with asyncio.timeout(LIST_S), WebuiClient(address) as client:
        return check_reply(await client.get("/sdapi/v1/sd-models", LIST_LIMITS))


def _read(entry: Any) -> Checkpoint | None:
    """Some servers leave the short name out."""
    if not isinstance(entry, dict):
        return None
    fields = cast("dict[str, Any]", entry)
    title = fields.get("title")
    name = fields.get("model_name") or title
    are_usable = all(
        isinstance(text, str) and 0 < len(text) <= MAX_NAME_CHARS and text.isprintable()
        for text in (title, name)
    )
    return Checkpoint(str(name), str(title)) if are_usable else None
