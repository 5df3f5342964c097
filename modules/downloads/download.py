"""One download: planned, run, and watched meanwhile."""

import asyncio
import errno
import shutil
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modules.core.errors import AppError, ModelError, RequestError
from modules.downloads.choice import choose_files
from modules.downloads.disk import Disk
from modules.downloads.layout import Layout, Places, check_free, plan_layout
from modules.downloads.progress import FileProgress, Speed
from modules.downloads.sizes import shown_size
from modules.downloads.staging import Staging
from modules.downloads.wanted import Wanted

if TYPE_CHECKING:
    from modules.downloads.hub import Hub
    from modules.downloads.transfer import Transfer

State = Literal["queued", "downloading", "verifying", "done", "failed", "cancelled"]
SPARE_BYTES = 2**27
"""Of the disk, left free for everything else."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`workers`: files at once. `max_retries`: of a file, without anything coming in between."""

    workers: int = 4
    max_retries: int = 5


@dataclass(slots=True, eq=False)
class Download:
    """Its event loop alone writes to it. `outcome` is set when it has ended."""

    wanted: Wanted
    commit: str
    layout: Layout
    files: list[FileProgress]
    created: float = field(default_factory=time.time)
    finished: float | None = None
    error: AppError | None = None
    outcome: Literal["done", "failed", "cancelled"] | None = None
    is_running: bool = False
    speed: Speed = field(default_factory=Speed)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key(self) -> str:
        return self.wanted.key

    @property
    def staging(self) -> Staging:
        return Staging(self.layout.root, self.key)

    @property
    def state(self) -> State:
        if self.outcome is not None:
            return self.outcome
        if not self.is_running:
            return "queued"
        is_receiving = any(each.state in ("waiting", "downloading") for each in self.files)
        return "downloading" if is_receiving else "verifying"

    @property
    def bytes_total(self) -> int:
        return sum(each.file.size for each in self.files)

    @property
    def bytes_done(self) -> int:
        return sum(each.done for each in self.files)

    @property
    def bytes_left(self) -> int:
        return self.bytes_total - self.bytes_done

    def end(self, outcome: Literal["done", "failed", "cancelled"], error: AppError | None) -> None:
        self.outcome, self.error, self.finished = outcome, error, time.time()
        self.is_running = False
        self.ended.set()


@asynccontextmanager
async def open_late() -> "AsyncGenerator[Hub]":
    """The library is imported when the first download begins."""
    from modules.downloads.hub import open_hub

    async with open_hub() as hub:
        yield hub


async def plan_download(
    hub: "Hub", wanted: Wanted, places: Places, disk: Disk, output: Path | None = None
) -> Download:
    """What would be fetched, and where to; all that can be known to be wrong is found here."""
    repository = await hub.read_repository(wanted)
    chosen = choose_files(repository, wanted)
    layout = plan_layout(wanted, chosen, places, output)
    await disk.run(check_free, layout, overwrite=wanted.overwrite)
    await hub.check_access(wanted, repository.commit, chosen[0])
    staging = Staging(layout.root, wanted.key)
    files = [FileProgress(file, layout.files[file]) for file in chosen]
    for each in files:
        each.done = await disk.run(_bytes_here, each, layout, staging)
    return Download(wanted, repository.commit, layout, files)


def _bytes_here(progress: FileProgress, layout: Layout, staging: Staging) -> int:
    target = layout.path_of(progress.file)
    if target.is_file() and target.stat().st_size == progress.file.size:
        return progress.file.size
    return staging.bytes_of(progress.file)


def check_room(download: Download, reserved: int = 0) -> None:
    """RequestError when the disk has too little room for what is missing. `reserved`: bytes that others will take."""
    folder = download.layout.root
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free - reserved - SPARE_BYTES
    if download.bytes_left > free:
        raise RequestError(
            f"{download.wanted.model} needs {shown_size(download.bytes_left)} more, and the disk of {download.layout.root} "
            f"has {shown_size(max(free, 0))} to give.",
            code="insufficient_storage",
        )


async def run_download(download: Download, hub: "Hub", disk: Disk, limits: Limits) -> None:
    """Until everything is in place. What was fetched stays when it fails or is cancelled, for the next time."""
    from modules.downloads.transfer import Transfer

    staging = download.staging
    download.is_running = True
    try:
        async with _locked(staging, disk):
            await disk.run(staging.begin, download.wanted.model, download.layout)
            transfer = Transfer(hub, download, staging, disk, limits.max_retries)
            await _fetch_all(transfer, download.files, limits.workers)
            await disk.run(staging.install, download.layout)
    except OSError as error:
        raise _disk_error(error) from error
    finally:
        download.is_running = False


@asynccontextmanager
async def _locked(staging: Staging, disk: Disk) -> AsyncGenerator[None]:
    lock = staging.locked()
    await disk.run(lock.__enter__)
    try:
        yield
    finally:
        await disk.run(lock.__exit__, None, None, None)


async def _fetch_all(transfer: "Transfer", files: list[FileProgress], workers: int) -> None:
    turns = asyncio.Semaphore(workers)

    async def fetch(progress: FileProgress) -> None:
        async with turns:
            await transfer.fetch(progress)

    try:
        async with asyncio.TaskGroup() as group:
            for progress in files:
                group.create_task(fetch(progress))
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


def _disk_error(error: OSError) -> ModelError:
    if error.errno == errno.ENOSPC:
        return ModelError("The disk is full.", code="insufficient_storage")
    return ModelError(f"Files cannot be written: {error.strerror or type(error).__name__}.")
