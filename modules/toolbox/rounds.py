"""The round trip of tools in a chat: the model calls, the user is asked, what is allowed runs, and the model goes on.

A face of the program shows `waiting_calls`, notes the answers in `Approvals`, and when none waits any more it runs `run_calls`,
appends the messages, and has the model go on while `may_go_on` says so.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from modules.core.messages import Message, ToolCall
from modules.toolbox.approvals import Approvals, Verdict
from modules.toolbox.offered import ToolResult

ROUND_LIMIT = 25
"""How often a model may call tools before it has to answer."""
DECLINED = ToolResult("The user declined this call.", is_error=True)
STOPPED = ToolResult("The user stopped before this call was run.", is_error=True)


class CallsTools(Protocol):
    """What of a `Toolbox` is needed here."""

    async def call(self, name: str, arguments_json: str) -> ToolResult: ...


@dataclass(frozen=True, slots=True)
class CallUpdate:
    """`result` is None while the call runs."""

    call: ToolCall
    result: ToolResult | None = None


def open_calls(messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """The calls of the last assistant message that have no answer yet, in order."""
    answered: set[str | None] = set()
    for message in reversed(messages):
        if message.role == "tool":
            answered.add(message.tool_call_id)
        elif message.role == "assistant":
            return tuple(call for call in message.tool_calls if call.id not in answered)
        else:
            return ()
    return ()


def waiting_calls(calls: Sequence[ToolCall], approvals: Approvals) -> tuple[ToolCall, ...]:
    """Those that the user has to be asked for."""
    return tuple(call for call in calls if approvals.verdict(call) is Verdict.ASK)


def rounds_used(messages: Sequence[Message]) -> int:
    """How often the model has called tools since the user spoke last."""
    count = 0
    for message in reversed(messages):
        if message.role == "user":
            break
        count += bool(message.tool_calls)
    return count


def may_go_on(messages: Sequence[Message], limit: int = ROUND_LIMIT) -> bool:
    """Whether the model may be offered tools again."""
    return rounds_used(messages) < limit


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


def to_messages(
    calls: Sequence[ToolCall],
    results: dict[str, ToolResult],
    missing: ToolResult = STOPPED,
) -> list[Message]:
    """The answers as the model gets them, in the order of the calls; each call has one, or the template breaks."""
    return [
        Message(
            role="tool",
            content=results.get(call.id, missing).text,
            name=call.name,
            tool_call_id=call.id,
        )
        for call in calls
    ]
