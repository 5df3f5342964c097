"""The round trip of tools in a chat: the model calls, the user is asked, what is allowed runs, and the model goes on.

A face of the program shows `waiting_calls`, notes the answers in `Approvals`, and when none waits any more it runs `run_calls`,
keeps the results, and has the model go on: with tools for `ROUND_LIMIT` rounds, then without.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from modules.core.messages import ToolCall
from modules.toolbox.approvals import Approvals, Verdict
from modules.toolbox.offered import ToolResult

ROUND_LIMIT = 25
"""How often a model may call tools before it has to answer."""
DECLINED = ToolResult("The user declined this call.", is_error=True)


class CallsTools(Protocol):
    """What of a `Toolbox` is needed here."""

    async def call(self, name: str, arguments_json: str) -> ToolResult: ...


@dataclass(frozen=True, slots=True)
class CallUpdate:
    """`result` is None while the call runs."""

    call: ToolCall
    result: ToolResult | None = None


def waiting_calls(calls: Sequence[ToolCall], approvals: Approvals) -> tuple[ToolCall, ...]:
    """Those that the user has to be asked for."""
    return tuple(call for call in calls if approvals.verdict(call) is Verdict.ASK)


async def run_calls(
    toolbox: CallsTools, calls: Sequence[ToolCall], approvals: Approvals
) -> AsyncIterator[CallUpdate]:
    """Runs what is allowed, all at once: an update as each begins and as each ends, in the order of time.

    What is not allowed is declined, what was not answered too. Whoever stops reading stops what still runs.
    """
    updates: asyncio.Queue[CallUpdate] = asyncio.Queue()

    async def run(call: ToolCall) -> None:
        updates.put_nowait(CallUpdate(call, await toolbox.call(call.name, call.arguments)))

    tasks: list[asyncio.Task[None]] = []
    try:
        for call in calls:
            if approvals.verdict(call) is Verdict.ALLOWED:
                updates.put_nowait(CallUpdate(call))
                tasks.append(asyncio.create_task(run(call)))
            else:
                updates.put_nowait(CallUpdate(call, DECLINED))
        for _ in range(len(calls) + len(tasks)):
            yield await updates.get()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
