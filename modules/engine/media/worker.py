"""One loaded model and the one thread that uses it."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from modules.core.errors import AppError, Busy, Cancelled, ModelError, NotReady
from modules.core.jobs import Job
from modules.core.vectors import BatchLimits
from modules.engine.media.batching import BatchQueue, Compute, Item
from modules.engine.media.job_stream import JobStream
from modules.engine.media.statistics import MediaStatistics
from modules.engine.media.step_thread import Steps, StepThread, in_one_step
from modules.loaders.media_base import MediaModel

log = logging.getLogger("hearth.media")

M = TypeVar("M", bound=MediaModel)
T = TypeVar("T")


class Worker(Generic[M]):
    """Runs jobs on its model, one after the other; the libraries behind it are not made for several threads.

    What a model allows beside that thread, such as tokenizing, goes through `prepare`: no other thread may touch the model, since it is
    freed when its jobs have ended. All methods belong to the event loop. `leases`: requests that use it now.
    """

    def __init__(
        self, name: str, statistics: MediaStatistics | None = None, max_queue: int = 256
    ) -> None:
        self.name = name
        self.statistics = statistics or MediaStatistics()
        self.leases = 0
        self.is_retired = False
        self.closed = asyncio.Event()
        self.loaded_at = 0
        self._model: M | None = None  # set by `load`, before anybody else sees this worker
        self._max_queue = max_queue
        self._jobs: dict[Job, None] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"worker-{name}")
        self._side = StepThread(name)
        self._closing: Future[None] | None = None
        self._batches: BatchQueue[M] = BatchQueue(self._run_round, self._note_start)

    @property
    def model(self) -> M:
        """In the event loop, for what takes no time; else see `prepare`. NotReady when it has been freed."""
        if self._model is None:
            raise NotReady("The model is being unloaded.")
        return self._model

    @property
    def jobs(self) -> list[Job]:
        """What runs or waits, oldest first."""
        return list(self._jobs)

    async def load(self, build: Callable[[], M]) -> None:
        """Make the model in the thread that will use it."""
        self._model = await asyncio.get_running_loop().run_in_executor(self._thread, build)
        self.loaded_at = int(time.time())

    async def run(self, work: Callable[[M, Job], T], job: Job | None = None) -> T:
        """The result of `work`. Busy when too many wait; cancelling this cancels the job."""
        job = job or Job()
        future = asyncio.wrap_future(self._submit(work, job))
        try:
            return await future
        except asyncio.CancelledError:
            job.cancel()
            raise

    def stream(
        self, work: Callable[[M, Job, Callable[[T], None]], object], job: Job | None = None
    ) -> JobStream[T]:
        """What `work` hands to its last argument, as it comes; closing the stream cancels the job.

        A plain function: Busy is raised before anything of a response has gone out.
        """
        job = job or Job()
        stream: JobStream[T] = JobStream(asyncio.get_running_loop(), job)
        future = self._submit(lambda model, own: work(model, own, stream.send), job)
        future.add_done_callback(stream.end)
        return stream

    async def run_together(
        self,
        compute: Compute[M],
        items: Sequence[Item],
        limits: BatchLimits,
        job: Job | None = None,
    ) -> list[Any]:
        """A result for each item, computed in rounds with the items of other requests that give the same `compute`.

        Busy when too many wait; cancelling this, or the job, drops what is not computed yet.
        """
        job = job or Job()
        self._accept(job)
        has_failed = False
        try:
            return await self._batches.submit(compute, items, limits, job)
        except AppError as error:
            has_failed = _is_failure(error)
            raise
        finally:
            self._note_end(job, has_failed=has_failed)

    async def prepare(self, work: Callable[[M, Job], T], job: Job | None = None) -> T:
        """The result of `work`, which is done in another thread while the model goes on with what it does.

        For what the model allows from any thread. Busy when too many wait; cancelling this cancels the job, and returns only when the
        thread has let go of the model. The job counts as waiting meanwhile; it may be given to `run` and the others afterwards.
        """
        return await self.prepare_in_steps(
            lambda model, own: in_one_step(lambda: work(model, own)), job
        )

    async def prepare_in_steps(
        self, work: Callable[[M, Job], Steps[T]], job: Job | None = None
    ) -> T:
        """The same for what may take long: others have their turn at each `yield`."""
        job = job or Job()
        self._accept(job)
        try:
            return await self._side.run(work(self.model, job), job)
        except AppError:
            raise
        except Exception as error:
            raise self._failure(job, error) from error
        finally:
            self._jobs.pop(job, None)
            self.statistics.waiting -= 1

    def stop(self, stop_id: str | None = None) -> int:
        """Cancel all jobs or those with this id; says how many."""
        jobs = [job for job in self._jobs if stop_id is None or job.stop_id == stop_id]
        for job in jobs:
            job.cancel()
        return len(jobs)

    def close(self) -> None:
        """Free the model once its jobs have ended; `closed` says when. Calling it twice is fine."""
        if self._closing is not None:
            return
        loop = asyncio.get_running_loop()
        self._side.refuse()
        self._closing = self._thread.submit(self._free)
        self._closing.add_done_callback(lambda _: loop.call_soon_threadsafe(self.closed.set))
        self._thread.shutdown(wait=False)

    def _free(self) -> None:
        try:
            self._side.close()
            model, self._model = self._model, None
            if model is not None:
                model.close()
        except Exception:
            log.exception("Closing %s failed", self.name)

    async def _run_round(self, work: Callable[[M], T]) -> T:
        """A part of several jobs, in the worker's thread."""
        if self._closing is not None:
            raise NotReady("The model is being unloaded.")
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: work(self.model)
        )

    def _accept(self, job: Job) -> None:
        if self._closing is not None:
            raise NotReady("The model is being unloaded.")
        if len(self._jobs) > self._max_queue:
            raise Busy(
                f"{len(self._jobs)} requests are waiting already; try again in a moment.",
                retry_after_s=self.statistics.expected_wait_s,
            )
        self._jobs[job] = None
        job.is_running = False  # one job may have several parts, one after the other
        self.statistics.waiting += 1

    def _submit(self, work: Callable[[M, Job], T], job: Job) -> Future[T]:
        self._accept(job)
        loop = asyncio.get_running_loop()
        future = self._thread.submit(self._run, work, job, loop)
        future.add_done_callback(lambda done: _in_loop(loop, self._note_outcome, job, done))
        return future

    def _run(self, work: Callable[[M, Job], T], job: Job, loop: asyncio.AbstractEventLoop) -> T:
        """In the worker's thread."""
        job.check()
        _in_loop(loop, self._note_start, job)
        try:
            return work(self.model, job)
        except AppError:
            raise
        except Exception as error:
            raise self._failure(job, error) from error

    def _failure(self, job: Job, error: Exception) -> ModelError:
        job.check()  # what was cancelled may fail in any way
        log.error("%s failed", self.name, exc_info=error)
        return ModelError(f"The model {self.name} failed; the log has the details.")

    def _note_start(self, job: Job) -> None:
        job.is_running = True
        job.started = time.monotonic()
        self.statistics.waiting -= 1
        self.statistics.running += 1

    def _note_outcome(self, job: Job, done: Future[Any]) -> None:
        self._note_end(job, has_failed=not done.cancelled() and _is_failure(done.exception()))

    def _note_end(self, job: Job, *, has_failed: bool) -> None:
        self._jobs.pop(job, None)
        if not job.is_running:  # cancelled before its turn
            self.statistics.waiting -= 1
            return
        self.statistics.running -= 1
        self.statistics.note_end(time.monotonic() - job.started, has_failed=has_failed)


def _is_failure(error: BaseException | None) -> bool:
    return error is not None and not isinstance(error, Cancelled)


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: Any) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call, *args)
