"""Looks at the program once a second, for all pages together: counts only."""

import asyncio
import logging
import os
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modules.context import AppContext
from modules.engine.media.pool import ModelPool
from modules.engine.model import LoadedModel
from modules.ui.monitor.samples import DailyTokens, ModelCounts, PoolCounts, Sample, daily_tokens

log = logging.getLogger("hearth.ui")

INTERVAL_S = 1.0
KEPT = 301
"""Five minutes."""
DAYS_FRESH_S = 20.0
_STATM = Path("/proc/self/statm")


class Sampler:
    """All methods belong to the event loop. It begins with the first page that is opened, and ends with the process."""

    def __init__(self, context: AppContext, interval_s: float = INTERVAL_S) -> None:
        self._context = context
        self._interval_s = interval_s
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._task: asyncio.Task[None] | None = None
        self._days: tuple[float, DailyTokens] | None = None

    @property
    def samples(self) -> list[Sample]:
        """Oldest first; the last is of now."""
        return list(self._samples)

    def start(self) -> None:
        """Nothing where it runs already."""
        if self._task is None or self._task.done():
            self._samples.append(take_sample(self._context))
            self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def days(self) -> DailyTokens:
        """Read from the disk again after a while only."""
        now = time.monotonic()
        if self._days is None or now - self._days[0] > DAYS_FRESH_S:
            known = await asyncio.to_thread(self._context.models.ledger.read)
            self._days = (now, daily_tokens(known, datetime.now(UTC).date()))
        return self._days[1]

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                self._samples.append(take_sample(self._context))
            except Exception:
                log.exception("The monitor could not look")


def take_sample(context: AppContext) -> Sample:
    return Sample(
        at=time.monotonic(),
        models=tuple(_model_counts(model) for model in context.models.loaded),
        pools=tuple(_pool_counts(pool) for pool in context.media.pools),
        requests=context.traffic.counts,
        memory_bytes=process_memory_bytes(),
        cpu_s=time.process_time(),
    )


def process_memory_bytes(statm: Path = _STATM) -> int:
    """What of this process is in main memory; where the system does not say, the most that it ever was."""
    try:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return _most_memory_bytes()


def _most_memory_bytes() -> int:
    try:
        import resource
    except ModuleNotFoundError:  # not on Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _model_counts(model: LoadedModel) -> ModelCounts:
    statistics = model.engine.statistics
    return ModelCounts(
        key=id(statistics),
        name=model.name,
        slots=statistics.slots,
        running=statistics.running,
        waiting=statistics.waiting,
        prompt_tokens=statistics.prompt_tokens,
        cached_tokens=statistics.cached_tokens,
        # Another server's tokens are known when its replies have ended.
        generated_tokens=max(statistics.sampled_tokens, statistics.completion_tokens),
        finished=statistics.finished,
        memory_bytes=model.plan.memory.total,
    )


def _pool_counts(pool: ModelPool[Any]) -> PoolCounts:
    statistics = pool.statistics
    return PoolCounts(
        kind=pool.kind,
        loaded=tuple(worker.name for worker in pool.loaded),
        loading=None if pool.loading is None else pool.loading.name,
        running=statistics.running,
        waiting=statistics.waiting,
        finished=statistics.finished,
        failed=statistics.failed,
        units=statistics.units,
        seconds=statistics.job.total,
    )
