"""The round trip: what waits, what runs at once, what the model is told."""

import asyncio

import pytest

from modules.core.messages import ToolCall
from modules.toolbox.approvals import Answer, Approvals
from modules.toolbox.offered import ToolResult
from modules.toolbox.rounds import DECLINED, run_calls, waiting_calls

pytestmark = pytest.mark.anyio

A, B, C = (ToolCall(f"call_{name}", name, "{}") for name in "abc")


def allowed(*calls: ToolCall) -> Approvals:
    approvals = Approvals()
    for call in calls:
        approvals = approvals.answered(call, Answer.ALLOW)
    return approvals


class Tools:
    """Each call ends when its gate is opened."""

    def __init__(self) -> None:
        self.gates = {name: asyncio.Event() for name in "abc"}
        self.cancelled: list[str] = []

    async def call(self, name: str, arguments_json: str) -> ToolResult:
        try:
            await self.gates[name].wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        return ToolResult(f"result of {name}")


def test_what_was_not_answered_waits():
    approvals = allowed(A).answered(B, Answer.DENY)
    assert waiting_calls([A, B, C], approvals) == (C,)


async def test_allowed_calls_run_at_once_and_are_told_in_the_order_of_time():
    tools = Tools()
    updates = run_calls(tools, [A, B], allowed(A, B))
    assert [(await anext(updates)).call for _ in range(2)] == [A, B]
    tools.gates["b"].set()
    second = await anext(updates)
    assert (second.call, second.result) == (B, ToolResult("result of b"))
    tools.gates["a"].set()
    assert (await anext(updates)).call == A
    with pytest.raises(StopAsyncIteration):
        await anext(updates)


async def test_declined_calls_do_not_run():
    tools = Tools()
    tools.gates["a"].set()
    approvals = allowed(A).answered(B, Answer.NEVER)
    results = {
        update.call.id: update.result
        async for update in run_calls(tools, [A, B, C], approvals)
        if update.result
    }
    assert results == {
        "call_a": ToolResult("result of a"),
        "call_b": DECLINED,
        "call_c": DECLINED,
    }


async def test_whoever_stops_reading_stops_what_runs():
    tools = Tools()
    updates = run_calls(tools, [A, B], allowed(A, B))
    await anext(updates)
    await anext(updates)
    await asyncio.sleep(0)
    await updates.aclose()
    assert sorted(tools.cancelled) == ["a", "b"]
