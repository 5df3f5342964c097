"""The round trip: what waits, what runs at once, what the model is told, when it has to stop."""

import asyncio

import pytest

from modules.core.messages import Message, ToolCall
from modules.toolbox.approvals import Answer, Approvals
from modules.toolbox.offered import ToolResult
from modules.toolbox.rounds import (
    DECLINED,
    STOPPED,
    may_go_on,
    open_calls,
    rounds_used,
    run_calls,
    to_messages,
    waiting_calls,
)

pytestmark = pytest.mark.anyio

A, B, C = (ToolCall(f"call_{name}", name, "{}") for name in "abc")
USER = Message("user", "hello")


def calling(*calls: ToolCall) -> Message:
    return Message("assistant", None, tool_calls=calls)


def answering(call: ToolCall) -> Message:
    return Message("tool", "done", tool_call_id=call.id)


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


def test_open_calls_are_those_of_the_last_reply_without_an_answer():
    assert open_calls([]) == ()
    assert open_calls([USER, calling(A, B)]) == (A, B)
    assert open_calls([USER, calling(A, B), answering(B)]) == (A,)
    assert open_calls([USER, calling(A), answering(A), Message("assistant", "so")]) == ()
    assert open_calls([calling(A), USER]) == ()


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
    messages = to_messages([A, B, C], results)
    assert [(message.tool_call_id, message.content) for message in messages] == [
        ("call_a", "result of a"),
        ("call_b", "The user declined this call."),
        ("call_c", "The user declined this call."),
    ]
    assert results["call_b"] == DECLINED


async def test_whoever_stops_reading_stops_what_runs():
    tools = Tools()
    updates = run_calls(tools, [A, B], allowed(A, B))
    await anext(updates)
    await anext(updates)
    await asyncio.sleep(0)
    await updates.aclose()
    assert sorted(tools.cancelled) == ["a", "b"]
    assert [message.content for message in to_messages([A, B], {})] == [STOPPED.text] * 2


def test_rounds_are_counted_from_the_last_word_of_the_user():
    turn = [calling(A, B), answering(A), answering(B)]
    history = [USER, *turn, *turn, USER, *turn]
    assert rounds_used(history) == 1
    assert rounds_used([USER]) == 0
    assert may_go_on(history, limit=2)
    assert not may_go_on([USER, *turn, *turn], limit=2)
