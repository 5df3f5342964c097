"""How far the server is with our task. It serves others too, so what it works at now need not be ours."""

from dataclasses import dataclass
from typing import Any, Protocol, cast

from modules.core.errors import AppError
from modules.loaders.images.a1111.client import Limits, WebuiClient

TASK_ROUTE = "/internal/progress"
SHARED_ROUTE = "/sdapi/v1/progress"
PATIENT = Limits(read_s=30.0)
"""Before a task is sent: a server that loads a checkpoint is slow to answer, and not gone."""


@dataclass(frozen=True, slots=True)
class Glance:
    """Of a task that is being worked at. `fraction`: 0 to 1. `preview`: base64 or a data: URL."""

    fraction: float
    preview: str | None = None


class TaskProgress(Protocol):
    async def begin(self) -> None:
        """Just before the task is sent."""
        ...

    async def look(self, limits: Limits, *, with_preview: bool) -> Glance | None:
        """None while the server does something else, or something that may not be ours. NotReady where it does not answer."""
        ...


async def find_progress(client: WebuiClient, task_id: str) -> TaskProgress:
    """The web UI's own route tells tasks apart, but is not there when it runs without its UI (--nowebui)."""
    by_task = ProgressByTask(client, task_id)
    return by_task if await by_task.is_there() else ProgressOfAll(client, task_id)


class ProgressByTask:
    """POST /internal/progress, which the web UI's page asks; answers for one task."""

    def __init__(self, client: WebuiClient, task_id: str) -> None:
        self._client = client
        self._task_id = task_id

    async def is_there(self) -> bool:
        return "active" in await self._ask(PATIENT, with_preview=False)

    async def begin(self) -> None:
        pass

    async def look(self, limits: Limits, *, with_preview: bool) -> Glance | None:
        state = await self._ask(limits, with_preview=with_preview)
        if state.get("active") is not True:
            return None
        return Glance(_fraction(state), _text(state.get("live_preview")) if with_preview else None)

    async def _ask(self, limits: Limits, *, with_preview: bool) -> dict[str, Any]:
        body = {
            "id_task": self._task_id,
            "id_live_preview": -1,  # whatever there is, also what was seen before
            "live_preview": with_preview,
        }
        return _object(await self._client.post(TASK_ROUTE, body, limits))


class ProgressOfAll:
    """GET /sdapi/v1/progress, which tells what the server does, for whomever.

    It is ours when the server names our task, or when it was idle as we sent the task and has gone on with one since.
    """

    def __init__(self, client: WebuiClient, task_id: str) -> None:
        self._client = client
        self._task_id = task_id
        self._was_idle = False
        self._job_timestamp: object = None

    async def begin(self) -> None:
        self._job_timestamp = None
        self._was_idle = not _is_busy(await self._ask(PATIENT, with_preview=False))

    async def look(self, limits: Limits, *, with_preview: bool) -> Glance | None:
        state = await self._ask(limits, with_preview=with_preview)
        if not _is_busy(state) or not self._is_ours(state):
            return None
        return Glance(_fraction(state), _text(state.get("current_image")) if with_preview else None)

    def _is_ours(self, state: dict[str, Any]) -> bool:
        current = state.get("current_task")
        if isinstance(current, str) and current:
            return current == self._task_id
        started = _job(state).get("job_timestamp")
        if self._job_timestamp is None:
            self._job_timestamp = started
        return self._was_idle and started == self._job_timestamp

    async def _ask(self, limits: Limits, *, with_preview: bool) -> dict[str, Any]:
        skip = "false" if with_preview else "true"
        return _object(await self._client.get(f"{SHARED_ROUTE}?skip_current_image={skip}", limits))


def _is_busy(state: dict[str, Any]) -> bool:
    """`job_count` is -1 before a job knows how many pictures it makes. What tells nothing may be busy."""
    job = _job(state)
    return "job_count" not in job or bool(job["job_count"]) or bool(job.get("job"))


def _job(state: dict[str, Any]) -> dict[str, Any]:
    found = state.get("state")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _fraction(state: dict[str, Any]) -> float:
    found = state.get("progress")
    return float(min(1.0, max(0.0, found))) if isinstance(found, int | float) else 0.0


def _text(found: object) -> str | None:
    return found if isinstance(found, str) and found else None


def _object(reply: Any) -> dict[str, Any]:
    """Empty where the answer is none: progress is a courtesy, and nothing fails for want of it."""
    if reply.status != 200:
        return {}
    try:
        found = reply.json()
    except AppError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
