"""A worker's thread is only a little ahead of its reader."""

import threading
import time
from collections.abc import Callable

import pytest

from modules.core.errors import Cancelled
from modules.core.jobs import Job
from modules.engine.media.backlog import Backlog
from tests.unit.media_engine.fake_model import PATIENCE_S


def test_only_so_many_wait_for_the_reader() -> None:
    backlog, made = Backlog(3, PATIENCE_S), 0

    def work() -> None:
        nonlocal made
        for _ in range(10):
            backlog.wait(Job())
            made += 1

    thread = threading.Thread(target=work)
    thread.start()
    for taken in range(8):
        until(lambda taken=taken: made == min(10, 3 + taken))
        backlog.note_taken()
    thread.join(PATIENCE_S)
    assert made == 10


def test_a_job_that_is_cancelled_waits_no_more() -> None:
    backlog, job = Backlog(1, PATIENCE_S), Job()
    backlog.wait(job)
    threading.Timer(0.05, job.cancel).start()
    with pytest.raises(Cancelled):
        backlog.wait(job)


def test_a_reader_that_takes_nothing_is_given_up() -> None:
    backlog = Backlog(1, 0.05)
    backlog.wait(Job())
    with pytest.raises(Cancelled, match="nobody read"):
        backlog.wait(Job())


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
