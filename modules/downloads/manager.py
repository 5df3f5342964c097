"""Downloads beside the traffic: begun, watched and cancelled by their keys, each in a task of its own."""

import asyncio
import logging
from pathlib import Path

from modules.core.errors import AppError, Conflict, ModelError, NotFound
from modules.core.traces import WITH_MESSAGES
from modules.downloads.disk import Disk
from modules.downloads.download import (
    Download,
    Limits,
    check_room,
    open_late,
    plan_download,
    run_download,
)
from modules.downloads.layout import Places
from modules.downloads.remote import RemoteRepository
from modules.downloads.staging import Leftover, Staging, find_leftovers
from modules.downloads.wanted import Wanted

log = logging.getLogger("hearth.downloads")

MAX_RUNNING = 2
MAX_KEPT = 50
"""Of downloads that have ended, so many can be looked at."""


class Downloads:
    """All methods belong to the event loop. A download goes on when the one who asked for it leaves."""

    def __init__(self, places: Places | None = None, limits: Limits | None = None) -> None:
        self._places: Places = places or {}
        self._limits = limits or Limits()
        self._disk = Disk()
        self._turns = asyncio.Semaphore(MAX_RUNNING)
        self._known: dict[str, Download] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._planned: set[str] = set()

    @property
    def known(self) -> list[Download]:
        """The oldest first: those that run, and those that have ended since the program began."""
        return list(self._known.values())

    async def start(self, wanted: Wanted) -> Download:
        """Planned and checked when this returns, and under way. Conflict when this model is being downloaded already."""
        if wanted.key in self._tasks or wanted.key in self._planned:
            raise Conflict(
                f"{wanted.repository} is being downloaded already.", code="already_running"
            )
        self._planned.add(wanted.key)
        try:
            async with open_late() as hub:
                download = await plan_download(hub, wanted, self._places, self._disk)
            await self._disk.run(check_room, download, self._reserved(download))
            self._begin(download)
        finally:
            self._planned.discard(wanted.key)
        return download

    async def look(self, wanted: Wanted) -> RemoteRepository:
        """What the hub has under this name; nothing is fetched but the listing."""
        async with open_late() as hub:
            return await hub.read_repository(wanted)

    def get(self, key: str) -> Download:
        download = self._known.get(key)
        if download is None:
            raise NotFound(f"There is no download with the id {key!r}.", param="id")
        return download

    async def leftovers(self) -> list[Leftover]:
        """What earlier runs of the program left unfinished, and the command line."""
        roots = dict.fromkeys(self._places.values())
        found = await self._disk.run(
            lambda: [each for root in roots for each in find_leftovers(root)]
        )
        return [each for each in found if each.key not in self._known]

    async def cancel(self, key: str) -> Download:
        """What was fetched stays, and the next download of this model goes on from there. Does nothing to one that has ended."""
        download = self.get(key)
        task = self._tasks.get(key)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        return download

    async def remove(self, key: str) -> None:
        """Forget it, with what was fetched and is not in place."""
        if key in self._tasks:
            await self.cancel(key)
        staging = [self._known[key].staging] if key in self._known else await self._staged(key)
        if not staging:
            raise NotFound(f"There is no download with the id {key!r}.", param="id")
        for each in staging:
            await self._disk.run(each.remove)
        self._known.pop(key, None)

    async def close(self) -> None:
        """For the end of the program; what was fetched stays."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._disk.close)

    async def _staged(self, key: str) -> list[Staging]:
        """The key is looked up, never joined to a path."""
        leftovers = [each for each in await self.leftovers() if each.key == key]
        return [Staging(_root_of(each.folder), each.key) for each in leftovers]

    def _reserved(self, download: Download) -> int:
        others = [self._known[key] for key in self._tasks]
        return sum(each.bytes_left for each in others if each.layout.root == download.layout.root)

    def _begin(self, download: Download) -> None:
        key = download.key
        self._known.pop(key, None)
        self._known[key] = download
        ended = [key for key, each in self._known.items() if each.outcome is not None]
        for old in ended[: max(0, len(ended) - MAX_KEPT)]:
            del self._known[old]
        task = self._tasks[key] = asyncio.ensure_future(self._run(download))
        task.add_done_callback(lambda _: self._note_ended(download))

    def _note_ended(self, download: Download) -> None:
        self._tasks.pop(download.key, None)
        if download.outcome is None:  # cancelled before its task ever ran
            download.end("cancelled", None)

    async def _run(self, download: Download) -> None:
        """Never raises: what went wrong is the download's `error`."""
        try:
            async with self._turns, open_late() as hub:
                log.info("Downloading %s", download.wanted.model)
                await run_download(download, hub, self._disk, self._limits)
        except asyncio.CancelledError:
            download.end("cancelled", None)
        except AppError as error:
            log.error("Downloading %s failed: %s", download.wanted.model, error.message)
            download.end("failed", error)
        except Exception:
            log.exception("Downloading %s failed", download.wanted.model, extra=WITH_MESSAGES)
            download.end("failed", ModelError("The download failed; the log has the details."))
        else:
            log.info("Downloaded %s", download.layout.model_name)
            download.end("done", None)


def _root_of(staging_folder: Path) -> Path:
    return staging_folder.parent.parent
