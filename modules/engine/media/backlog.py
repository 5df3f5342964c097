"""How far the one who makes something may be ahead of the one who takes it."""

import threading
from time import monotonic

from modules.core.errors import Cancelled
from modules.core.jobs import Job

CHECK_S = 0.1


class Backlog:
    """Between a worker's thread and a reader.

    `patience_s`: a reader that takes nothing for so long is given up, since its job keeps others from the model.
    """

    def __init__(self, limit: int, patience_s: float) -> None:
        self._places = threading.Semaphore(limit)
        self._patience_s = patience_s

    def wait(self, job: Job) -> None:
        """From the worker's thread, before each thing that is sent. Cancelled when nobody wants it any more."""
        given_up = monotonic() + self._patience_s
        while not self._places.acquire(timeout=CHECK_S):
            job.check()
            if monotonic() >= given_up:
                raise Cancelled("This was given up: nobody read what was made.")

    def note_taken(self) -> None:
        """From the reader."""
        self._places.release()
