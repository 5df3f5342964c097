"""Fetches one file after the other of a download: from where it was left, again when the connection breaks, until its checksum is right."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from modules.core.errors import ModelError, Unreachable
from modules.core.jobs import Job
from modules.downloads.checksums import is_intact
from modules.downloads.disk import Disk
from modules.downloads.download import Download
from modules.downloads.hub import Hub
from modules.downloads.hub_errors import Overtaken
from modules.downloads.layout import already_there
from modules.downloads.progress import FileProgress
from modules.downloads.staging import Staging

WRITE_BYTES = 2**18
SEGMENT_BYTES = 2**35
"""Of larger files only ranges are asked for: content networks serve no answer above 50 GB."""
STEADY_BYTES = 2**20
"""So much between two breaks means that the connection works, and the count of retries begins anew."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0


@dataclass(frozen=True, slots=True)
class Transfer:
    """The files of a download from the hub into `staging`."""

    hub: Hub
    download: Download
    staging: Staging
    disk: Disk
    max_retries: int = 5

    async def fetch(self, progress: FileProgress) -> None:
        """Until the file is whole and checked, or in place already. Conflict, Unreachable or ModelError when it cannot be."""
        if await self._is_here(progress):
            progress.done, progress.state = progress.file.size, "done"
            return
        was_begun = await self.disk.run(self.staging.start_of, progress.file) > 0
        while True:
            progress.state = "downloading"
            await self._receive_all(progress)
            progress.state = "verifying"
            job = Job()
            if await self.disk.run_long(job, self.staging.accept, progress.file, job):
                progress.state = "done"
                return
            if not was_begun:  # else what was here before may be to blame: once more from the start
                raise ModelError(
                    f"{progress.file.name} came with a wrong checksum and was thrown away.",
                    code="checksum_mismatch",
                )
            was_begun = False

    async def _is_here(self, progress: FileProgress) -> bool:
        file, target = progress.file, self.download.layout.path_of(progress.file)
        if await self.disk.run(target.is_file):
            progress.state = "verifying"
            job = Job()
            if await self.disk.run_long(job, is_intact, target, file, job):
                return True
            if not self.download.wanted.overwrite:
                raise already_there(target)
        return await self.disk.run(self.staging.whole(file).exists)

    async def _receive_all(self, progress: FileProgress) -> None:
        failures, counted_from = 0, 0
        while True:
            start = await self.disk.run(self.staging.start_of, progress.file)
            progress.done = start
            if start == progress.file.size:
                return
            fault = await self._try_to_receive(progress, start)
            if progress.done - counted_from >= STEADY_BYTES:
                failures, counted_from = 0, progress.done
            if fault is None and progress.done in (progress.file.size, start + SEGMENT_BYTES):
                continue
            failures += 1
            if failures > self.max_retries:
                raise fault or Unreachable(f"The hub does not send all of {progress.file.name}.")
            await asyncio.sleep(min(FIRST_WAIT_S * 2 ** (failures - 1), LONGEST_WAIT_S))

    async def _try_to_receive(self, progress: FileProgress, start: int) -> Unreachable | None:
        """What went wrong, if trying again may help."""
        try:
            await self._receive(progress, start)
        except Overtaken:
            await self.disk.run(self.staging.drop, progress.file)
        except Unreachable as error:
            return error
        return None

    async def _receive(self, progress: FileProgress, start: int) -> None:
        file = progress.file
        end = min(file.size, start + SEGMENT_BYTES)
        wanted, commit = self.download.wanted, self.download.commit
        async with self.hub.open_file(wanted, commit, file, start, end) as body:
            if body.offset not in (0, start):
                raise Unreachable("The hub sent another part of the file than it was asked for.")
            if body.offset != start:
                await self.disk.run(self.staging.drop, file)
                progress.done = body.offset
            await self._write(progress, body.chunks)

    async def _write(self, progress: FileProgress, chunks: AsyncIterator[bytes]) -> None:
        """In pieces, so that little is lost whenever the process ends."""
        waiting = bytearray()
        try:
            async for chunk in chunks:
                if progress.done + len(chunk) > progress.file.size:
                    raise ModelError(
                        f"The hub sends more of {progress.file.name} than it announced."
                    )
                waiting += chunk
                progress.done += len(chunk)
                self.download.speed.note(len(chunk))
                if len(waiting) >= WRITE_BYTES:
                    data = bytes(waiting)
                    waiting.clear()
                    await self.disk.run(self.staging.append, progress.file, data)
        finally:
            if waiting:
                with contextlib.suppress(OSError):
                    await self.disk.run(self.staging.append, progress.file, bytes(waiting))
