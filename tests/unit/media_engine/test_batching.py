"""How requests share the rounds of one worker: fair, in order, bounded; with a fake instead of a model."""

import asyncio
import threading
from collections import deque
from dataclasses import dataclass, field

import pytest

from modules.core.errors import Busy, Cancelled, ModelError
from modules.core.jobs import Job
from modules.core.vectors import BatchLimits
from modules.engine.media.batching import Share, take_round
from modules.engine.media.worker import Worker
from modules.loaders.media_base import MediaInfo

pytestmark = pytest.mark.anyio

LIMITS = BatchLimits(items=4, tokens=100)


@dataclass(frozen=True)
class Text:
    word: str
    size: int = 10


@dataclass
class Doubler:
    """Doubles words. `gate` holds a round up until the test lets it go; "bad" makes a round fail."""

    info: MediaInfo = field(default_factory=lambda: MediaInfo("fake", "fake", ()))
    rounds: list[list[str]] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)

    def double(self, texts: list[Text]) -> list[str]:
        self.rounds.append([text.word for text in texts])
        self.begun.set()
        assert self.gate.wait(20)
        if any(text.word == "bad" for text in texts):
            raise ValueError("a fault of the model")
        return [text.word * 2 for text in texts]

    def close(self) -> None:
        self.gate.set()


def compute(model: Doubler, texts: list[Text]) -> list[str]:
    return model.double(texts)


@pytest.fixture
async def worker():
    made: Worker[Doubler] = Worker("fake", max_queue=3)
    await made.load(Doubler)
    gate = made.model.gate
    yield made
    gate.set()
    made.close()
    await made.closed.wait()


def start(worker: Worker[Doubler], *words: str, job: Job | None = None) -> asyncio.Task[list[str]]:
    texts = [Text(word) for word in words]
    return asyncio.ensure_future(worker.run_together(compute, texts, LIMITS, job))


async def hold(worker: Worker[Doubler]) -> asyncio.Task[list[str]]:
    """A first request whose round does not end before the gate opens."""
    first = start(worker, "first")
    assert await asyncio.to_thread(worker.model.begun.wait, 20)
    return first


async def test_a_request_alone_is_computed_at_once_and_in_its_order(
    worker: Worker[Doubler],
) -> None:
    worker.model.gate.set()
    assert await start(worker, "a", "b", "c") == ["aa", "bb", "cc"]
    assert len(worker.model.rounds) == 1
    assert await start(worker) == []


async def test_what_comes_while_a_round_runs_is_computed_together(worker: Worker[Doubler]) -> None:
    first = await hold(worker)
    others = [start(worker, word) for word in "abc"]
    await asyncio.sleep(0)
    worker.model.gate.set()
    assert await asyncio.gather(first, *others) == [["firstfirst"], ["aa"], ["bb"], ["cc"]]
    assert worker.model.rounds == [["first"], ["a", "b", "c"]]


async def test_a_large_request_does_not_hold_up_a_small_one(worker: Worker[Doubler]) -> None:
    first = await hold(worker)
    large = start(worker, *(f"l{number}" for number in range(20)))
    small = start(worker, "s")
    await asyncio.sleep(0)
    worker.model.gate.set()
    assert await small == ["ss"]
    assert "s" in worker.model.rounds[1]
    assert not large.done()
    assert len(await large) == 20
    assert await first == ["firstfirst"]
    assert max(map(len, worker.model.rounds)) == LIMITS.items


async def test_results_keep_their_order_though_the_longest_are_computed_first(
    worker: Worker[Doubler],
) -> None:
    worker.model.gate.set()
    sizes = [5, 90, 20, 70, 1]
    texts = [Text(str(size), size) for size in sizes]
    found = await worker.run_together(compute, texts, LIMITS)
    assert found == [str(size) * 2 for size in sizes]
    assert worker.model.rounds[0][0] == "90"


async def test_a_round_keeps_within_its_tokens_but_for_a_single_text(
    worker: Worker[Doubler],
) -> None:
    worker.model.gate.set()
    texts = [Text("x", 500), Text("y", 60), Text("z", 60)]
    await worker.run_together(compute, texts, LIMITS)
    assert worker.model.rounds == [["x"], ["y"], ["z"]]


async def test_a_cancelled_request_drops_out(worker: Worker[Doubler]) -> None:
    first = await hold(worker)
    gone = start(worker, *("g" * 9))
    stays = start(worker, "s")
    await asyncio.sleep(0)
    gone.cancel()
    worker.model.gate.set()
    assert await stays == ["ss"]
    await first
    assert worker.model.rounds[1:] == [["s"]]
    assert worker.jobs == []
    assert (worker.statistics.waiting, worker.statistics.running) == (0, 0)


async def test_a_stopped_job_ends_with_its_error(worker: Worker[Doubler]) -> None:
    first = await hold(worker)
    stopped = start(worker, "a", job=Job(stop_id="one"))
    await asyncio.sleep(0)
    assert worker.stop("one") == 1
    worker.model.gate.set()
    with pytest.raises(Cancelled):
        await stopped
    assert await first == ["firstfirst"]
    assert worker.statistics.failed == 0


async def test_a_fault_meets_only_the_request_that_makes_it(worker: Worker[Doubler]) -> None:
    first = await hold(worker)
    good, bad, fine = start(worker, "g"), start(worker, "bad"), start(worker, "f", "i")
    await asyncio.sleep(0)
    worker.model.gate.set()
    assert await good == ["gg"]
    assert await fine == ["ff", "ii"]
    with pytest.raises(ModelError):
        await bad
    await first
    assert worker.statistics.failed == 1
    assert await start(worker, "later") == ["laterlater"]


async def test_too_many_requests_are_refused(worker: Worker[Doubler]) -> None:
    first = await hold(worker)
    others = [start(worker, word) for word in "abc"]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await worker.run_together(compute, [Text("x")], LIMITS)
    worker.model.gate.set()
    await asyncio.gather(first, *others)


async def test_progress_and_statistics_are_counted(worker: Worker[Doubler]) -> None:
    worker.model.gate.set()
    job = Job()
    await start(worker, *"abcdef", job=job)
    assert (job.done, job.total, job.is_running) == (6, 6, True)
    assert worker.statistics.finished == 1


async def test_different_work_is_not_mixed(worker: Worker[Doubler]) -> None:
    first = await hold(worker)
    other = asyncio.ensure_future(
        worker.run_together(lambda model, texts: model.double(texts), [Text("o")], LIMITS)
    )
    same = start(worker, "s")
    await asyncio.sleep(0)
    worker.model.gate.set()
    assert await asyncio.gather(other, same) == [["oo"], ["ss"]]
    await first
    assert worker.model.rounds == [["first"], ["o"], ["s"]]


async def test_closing_ends_those_who_wait(worker: Worker[Doubler]) -> None:
    first = await hold(worker)
    waiting = [start(worker, word) for word in "ab"]
    await asyncio.sleep(0)
    worker.close()
    worker.model.gate.set()
    outcomes = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert outcomes[0] == ["firstfirst"]
    assert all(isinstance(outcome, Exception) for outcome in outcomes[1:])


async def test_turns_go_round_from_round_to_round() -> None:
    loop = asyncio.get_running_loop()
    shares = deque(
        Share(
            compute, Job(), deque(enumerate([Text(name)] * 3)), [None] * 3, loop.create_future(), 3
        )
        for name in "abcdef"
    )
    limits = BatchLimits(items=4, tokens=1000)
    words = [[item.word for _, _, item in take_round(shares, limits).parts] for _ in range(5)]
    assert words == [
        ["a", "b", "c", "d"],
        ["e", "f", "a", "b"],
        ["c", "d", "e", "f"],
        ["a", "b", "c", "d"],
        ["e", "f"],
    ]
