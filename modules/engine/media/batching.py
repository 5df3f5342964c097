"""Many requests computed together: what waits is gathered into rounds, a fair share of each request in every round."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from modules.core.errors import AppError, Cancelled, ModelError
from modules.core.jobs import Job
from modules.core.vectors import BatchLimits

log = logging.getLogger("hearth.media")

M = TypeVar("M")


class Item(Protocol):
    """A text to compute."""

    @property
    def size(self) -> int:
        """Tokens."""
        ...


Compute = Callable[[M, Sequence[Any]], Sequence[Any]]
"""In the worker's thread: a result for each item."""


@dataclass(eq=False)
class Share(Generic[M]):
    """One request: its items that nobody has computed yet (the largest first), and the results so far.

    `is_suspect`: a round that it was part of has failed, so it runs alone from now on.
    """

    compute: Compute[M]
    job: Job
    waiting: deque[tuple[int, Item]]
    results: list[Any]
    done: asyncio.Future[list[Any]]
    missing: int
    is_suspect: bool = False

    @property
    def is_over(self) -> bool:
        return self.done.done()


@dataclass
class Round(Generic[M]):
    """What is computed at once: items with their requests and their places there."""

    compute: Compute[M]
    parts: list[tuple[Share[M], int, Item]] = field(
        default_factory=list["tuple[Share[M], int, Item]"]
    )
    tokens: int = 0

    @property
    def shares(self) -> list[Share[M]]:
        return list(dict.fromkeys(share for share, _, _ in self.parts))

    def has_room(self, item: Item, limits: BatchLimits) -> bool:
        """For one there always is: an item that is larger than all limits has a round of its own."""
        fits = len(self.parts) < limits.items and self.tokens + item.size <= limits.tokens
        return fits or not self.parts

    def add(self, share: Share[M], place: int, item: Item) -> None:
        self.parts.append((share, place, item))
        self.tokens += item.size


def take_round(shares: deque[Share[M]], limits: BatchLimits) -> Round[M]:
    """One item of each request in turn, until the round is full; the request that is next in turn will begin the next round.

    So a request with one text is never behind more than one round of a request with thousands.
    """
    found: Round[M] = Round(shares[0].compute)
    if shares[0].is_suspect:
        while shares[0].waiting and found.has_room(shares[0].waiting[0][1], limits):
            found.add(shares[0], *shares[0].waiting.popleft())
        shares.rotate(-1)
        return found
    passed = 0
    while passed < len(shares):
        share = shares[0]
        if share.is_suspect or share.compute != found.compute or not share.waiting:
            passed += 1
        elif not found.has_room(share.waiting[0][1], limits):
            break
        else:
            found.add(share, *share.waiting.popleft())
            passed = 0
        shares.rotate(-1)
    return found


class BatchQueue(Generic[M]):
    """The requests of one worker that may be computed together. Belongs to the event loop.

    A request that comes while nothing runs is computed at once; what comes meanwhile makes the next round.
    `run` runs a function on the model, in the worker's thread; `note_start` is told of each job when its first items go there.
    """

    def __init__(
        self,
        run: Callable[[Callable[[M], Any]], Awaitable[Any]],
        note_start: Callable[[Job], object] = lambda _: None,
    ) -> None:
        self._run = run
        self._note_start = note_start
        self._shares: deque[Share[M]] = deque()
        self._driver: asyncio.Task[None] | None = None

    async def submit(
        self, compute: Compute[M], items: Sequence[Item], limits: BatchLimits, job: Job
    ) -> list[Any]:
        """A result for each item, in their order. Cancelling this, or the job, drops what is not computed yet."""
        if not items:
            return []
        order = sorted(enumerate(items), key=lambda part: -part[1].size)
        done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        share: Share[M] = Share(compute, job, deque(order), [None] * len(items), done, len(items))
        job.total = len(items)
        self._shares.append(share)
        if self._driver is None:
            self._driver = asyncio.ensure_future(self._drive(limits))
        try:
            return await done
        except asyncio.CancelledError:
            job.cancel()
            raise

    async def _drive(self, limits: BatchLimits) -> None:
        """Ends when nobody waits any more."""
        try:
            while self._drop_ended():
                await self._compute(take_round(self._shares, limits))
        except BaseException:
            for share in self._shares:
                share.done.cancel()
            raise
        finally:
            self._driver = None

    def _drop_ended(self) -> bool:
        """Whether anybody is left."""
        for share in self._shares:
            if not share.is_over and share.job.is_cancelled:
                share.done.set_exception(Cancelled("This was stopped before it was done."))
        self._shares = deque(s for s in self._shares if s.waiting and not s.is_over)
        return bool(self._shares)

    async def _compute(self, part: Round[M]) -> None:
        items = [item for _, _, item in part.parts]
        for share in part.shares:
            if not share.job.is_running:
                self._note_start(share.job)
        try:
            results = await self._run(lambda model: part.compute(model, items))
        except Exception as error:  # noqa: BLE001 - told to all who wait for it
            self._fail(part, error)
            return
        for (share, place, _), result in zip(part.parts, results, strict=True):
            share.results[place] = result
            share.missing -= 1
        for share in part.shares:
            share.job.done = share.job.total - share.missing
            if not share.missing and not share.is_over:
                share.done.set_result(share.results)

    def _fail(self, part: Round[M], error: Exception) -> None:
        """The error of a single request is its own; among several nobody knows whose it was, so each gets another round alone."""
        shares = part.shares
        if len(shares) == 1:
            if not shares[0].is_over:
                shares[0].done.set_exception(_as_app_error(error))
            return
        log.warning("A round of %d requests failed; each is tried alone", len(shares))
        for share in shares:
            share.is_suspect = True
            again = [(place, item) for other, place, item in part.parts if other is share]
            share.waiting.extendleft(reversed(again))
            if share not in self._shares:
                self._shares.append(share)


def _as_app_error(error: Exception) -> AppError:
    if isinstance(error, AppError):
        return error
    log.error("Computing failed", exc_info=error)
    return ModelError("The model failed; the log has the details.")
