"""Threads of their own for the files of downloads: a slow disk must not hold up the threads that requests share."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from modules.core.jobs import Job

P = ParamSpec("P")
T = TypeVar("T")


class Disk:
    """Who is cancelled still waits for what his thread is doing: nothing writes into a folder that was given back."""

    def __init__(self, threads: int = 4) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="download")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run_long(Job(), work, *args, **kwargs)

    async def run_long(
        self, job: Job, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`work` looks at `job`, which is cancelled with the one who waits."""
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, partial(work, *args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            job.cancel()
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()  # looked at, so that nobody warns of it
            raise

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
