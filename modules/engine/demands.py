"""Requests that wait for a model: many may ask at once, and they all wait for one load."""

import asyncio
from collections.abc import Callable

from modules.core.errors import AppError
from modules.engine.model import LoadedModel

Grant = asyncio.Future[LoadedModel]
"""What a request waits for: a model with a lease of its own."""


class Demands:
    """By name; None stands for those who named no model. All methods belong to the event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str | None, list[Grant]] = {}

    def join(self, name: str | None) -> tuple[Grant, bool]:
        """A place in the queue, and whether it is the first: then somebody must see to it."""
        is_first = name not in self._waiting
        grant: Grant = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, []).append(grant)
        return grant, is_first

    def meet(self, name: str | None, lease: Callable[[], LoadedModel]) -> None:
        """All who wait have their lease at once, before anything can make the model leave."""
        for grant in self._take(name):
            grant.set_result(lease())

    def refuse(self, name: str | None, error: AppError) -> None:
        for grant in self._take(name):
            grant.set_exception(error)

    def drop(self, name: str | None) -> None:
        """The one who saw to it was cancelled: the process ends."""
        for grant in self._take(name):
            grant.cancel()

    def _take(self, name: str | None) -> list[Grant]:
        return [grant for grant in self._waiting.pop(name, []) if not grant.done()]


def granted(grant: Grant) -> LoadedModel | None:
    """What a grant has brought although nobody waits for it any more."""
    is_met = grant.done() and not grant.cancelled() and grant.exception() is None
    return grant.result() if is_met else None
