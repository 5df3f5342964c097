"""A reply in the making, over scripted streams: what is there at any time, tools, stopping, faults."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from modules.chats.turns import Step, ToolUse, Version
from modules.core.errors import RequestError
from modules.core.events import (
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from modules.toolbox.approvals import Answer, Approvals
from modules.toolbox.offered import ToolResult
from modules.ui.chat.writing import Start, Started, Writing

DONE = Finished("stop", Usage(10, 3))
CALLED = Finished("tool_calls", Usage(10, 3))


def call(name: str = "clock", arguments: str = "{}", call_id: str = "1") -> list[Event]:
    return [ToolCallDelta(0, id=call_id, name=name), ToolCallDelta(0, arguments=arguments), CALLED]


@dataclass
class Script:
    """Streams one after another; `None` waits until it is stopped or closed. Keeps what each round was begun with.

    `held_back`: comes at a stop; `obeys`: whether it ends by itself then.
    """

    rounds: list[Sequence[Event | None]]
    versions: list[Version] = field(default_factory=list)
    had_tools: list[bool] = field(default_factory=list)
    closed: int = 0
    held_back: list[Event] = field(default_factory=list)
    obeys: bool = True

    @property
    def start(self) -> Start:
        @asynccontextmanager
        async def begin(version: Version, has_tools: bool) -> AsyncGenerator[Started]:
            self.versions.append(version)
            self.had_tools.append(has_tools)
            try:
                yield Started(ScriptedStream(self.rounds.pop(0), self), "tiny", 100, left_out=2)
            finally:
                self.closed += 1

        return begin


class ScriptedStream:
    def __init__(self, events: Sequence[Event | None], script: Script) -> None:
        self._events = list(events)
        self._script = script
        self._stopped = asyncio.Event()

    async def batch(self) -> list[Event]:
        await asyncio.sleep(0)
        if not self._events:
            return []
        event = self._events.pop(0)
        if event is None:
            await self._stopped.wait()
            return [*self._script.held_back, Finished("cancelled", Usage(10, 2))]
        assert event is not None
        return [event]

    def stop(self) -> None:
        if self._script.obeys:
            self._stopped.set()

    async def aclose(self) -> None:
        pass


@dataclass
class Tools:
    called: list[tuple[str, str]] = field(default_factory=list)

    async def call(self, name: str, arguments_json: str) -> ToolResult:
        self.called.append((name, arguments_json))
        return ToolResult("noon")


def writing(
    script: Script, *, begun: Version | None = None, grows: bool = False, **more: object
) -> Writing:
    tools = more.get("tools", Tools())
    approvals = more.get("approvals", Approvals())
    return Writing(script.start, tools, approvals, begun or Version(()), grows_last=grows)  # type: ignore[arg-type]


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(2000):
        if is_so():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


def run(made: Writing) -> Writing:
    async def main() -> None:
        made.begin()
        await until(lambda: made.state == "over")

    asyncio.run(main())
    return made


def test_text_and_thinking() -> None:
    script = Script([[ReasoningDelta("hm"), TextDelta("The sky "), TextDelta("is blue."), DONE]])
    made = run(writing(script))
    assert made.version.steps == (Step("The sky is blue.", "hm"),)
    assert made.version.finish_reason == "stop"
    assert made.version.model == "tiny"
    assert made.version.tally is not None
    assert made.version.tally.completion_tokens == 3
    assert (made.left_out, made.context_used, made.context_length) == (2, 13, 100)
    assert made.thinking_s is not None
    assert script.closed == 1


def test_a_reply_that_begins_with_a_text_goes_on_from_it() -> None:
    made = run(
        writing(Script([[TextDelta(" blue."), DONE]]), begun=Version((Step("It is"),)), grows=True)
    )
    assert made.version.steps == (Step("It is blue."),)


def test_a_new_step_after_calls() -> None:
    called = Step(calls=(ToolUse("1", "clock", "{}", "noon"),))
    made = run(writing(Script([[TextDelta("Noon."), DONE]]), begun=Version((called,))))
    assert made.version.steps == (called, Step("Noon."))


def test_stop_keeps_what_is_there() -> None:
    made = writing(Script([[TextDelta("The"), None]]))

    async def main() -> None:
        made.begin()
        await until(lambda: made.has_written)
        made.stop()
        await until(lambda: made.state == "over")

    asyncio.run(main())
    assert made.version.text == "The"
    assert made.version.finish_reason == "cancelled"
    assert made.version.tally is not None
    assert made.version.tally.completion_tokens == 2
    assert made.fault == ""


def test_stop_brings_what_was_held_back() -> None:
    """As an output modifier does, which waits for the whole text."""
    made = writing(Script([[ReasoningDelta("hm"), None]], held_back=[TextDelta("THE SKY")]))

    async def main() -> None:
        made.begin()
        await until(lambda: made.has_written)
        made.stop()
        await until(lambda: made.state == "over")

    asyncio.run(main())
    assert made.version.text == "THE SKY"


def test_stop_ends_a_stream_that_does_not_end_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modules.ui.chat.writing.STOP_PATIENCE_S", 0.01)
    script = Script([[TextDelta("The"), None]], obeys=False)
    made = writing(script)

    async def main() -> None:
        made.begin()
        await until(lambda: made.has_written)
        made.stop()
        await until(lambda: made.state == "over")

    asyncio.run(main())
    assert (made.version.text, made.version.finish_reason) == ("The", "cancelled")
    assert script.closed == 1


def test_no_tool_is_called_after_a_stop() -> None:
    tools = Tools()
    calls = call()[:2]
    script = Script([[TextDelta("Well,"), None]], held_back=calls)
    made = writing(script, tools=tools, approvals=Approvals(for_good={"clock": True}))

    async def main() -> None:
        made.begin()
        await until(lambda: made.has_written)
        made.stop()
        await until(lambda: made.state == "over")

    asyncio.run(main())
    assert tools.called == []
    assert (made.fault, made.version.finish_reason) == ("", "cancelled")
    assert [each.name for each in made.version.open_calls] == ["clock"]


def test_the_speed_counts_all_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a later round is written its tokens are not told yet: its pieces count beside what the earlier ones took."""
    now = [100.0]
    monkeypatch.setattr("modules.ui.chat.writing.time", SimpleNamespace(monotonic=lambda: now[0]))
    script = Script([call(), [TextDelta("No"), TextDelta("on."), None]])
    made = writing(script, approvals=Approvals(for_good={"clock": True}))

    async def main() -> None:
        made.begin()
        await until(lambda: made.version.text == "Noon.")
        now[0] += 2.0
        assert made.tokens_per_second == 2.5  # 3 of the first round, and 2 pieces, in 2 seconds
        await made.close()

    asyncio.run(main())


def test_close_ends_a_reply_that_has_not_begun_to_come() -> None:
    script = Script([[None]])
    made = writing(script)

    async def main() -> None:
        made.begin()
        await asyncio.sleep(0.01)
        await made.close()

    asyncio.run(main())
    assert made.state == "over"
    assert not made.has_written
    assert script.closed == 1


def test_a_call_waits_for_the_answer_and_the_model_goes_on_with_the_result() -> None:
    script = Script([call(), [TextDelta("It is noon."), DONE]])
    tools = Tools()
    made = writing(script, tools=tools)

    async def main() -> None:
        made.begin()
        await until(lambda: bool(made.waiting_calls))
        assert tools.called == []
        made.answer(made.waiting_calls[0].id, Answer.ALLOW)
        await until(lambda: made.state == "over")

    asyncio.run(main())
    assert tools.called == [("clock", "{}")]
    first, second = made.version.steps
    assert first.calls[0].result == "noon"
    assert second.text == "It is noon."
    assert script.versions[1].steps == (first,)
    assert made.version.tally is not None
    assert made.version.tally.completion_tokens == 6


def test_a_denied_call_is_not_run_and_the_model_is_told() -> None:
    tools = Tools()
    made = writing(Script([call(), [TextDelta("Well."), DONE]]), tools=tools)

    async def main() -> None:
        made.begin()
        await until(lambda: bool(made.waiting_calls))
        made.answer("nobody's", Answer.ALLOW)
        made.answer(made.waiting_calls[0].id, Answer.DENY)
        await until(lambda: made.state == "over")

    asyncio.run(main())
    assert tools.called == []
    assert made.version.calls[0].is_error
    assert made.version.last_text == "Well."


def test_always_is_remembered_and_asked_no_more() -> None:
    tools = Tools()
    script = Script([call(), call(call_id="2"), [TextDelta("Done."), DONE]])
    made = writing(script, tools=tools)

    async def main() -> None:
        made.begin()
        await until(lambda: bool(made.waiting_calls))
        made.answer(made.waiting_calls[0].id, Answer.ALWAYS)
        await until(lambda: made.state == "over")

    asyncio.run(main())
    assert len(tools.called) == 2
    assert made.approvals.for_good == {"clock": True}


def test_an_answer_does_not_count_for_a_later_call_of_the_same_id() -> None:
    tools = Tools()
    script = Script([call(call_id="same"), call(call_id="same"), [TextDelta("x"), DONE]])
    made = writing(script, tools=tools)

    async def main() -> None:
        made.begin()
        await until(lambda: bool(made.waiting_calls))
        made.answer(made.waiting_calls[0].id, Answer.ALLOW)
        await until(lambda: bool(tools.called) and bool(made.waiting_calls))
        assert len(tools.called) == 1
        await made.close()

    asyncio.run(main())
    assert len(tools.called) == 1


def test_nor_does_one_for_a_call_of_an_earlier_reply() -> None:
    before = Step(calls=(ToolUse("same", "clock", "{}", "noon"),))
    approvals = Approvals(once={"same": True})
    tools = Tools()
    made = writing(
        Script([call(call_id="same")]), begun=Version((before,)), approvals=approvals, tools=tools
    )

    async def main() -> None:
        made.begin()
        await until(lambda: bool(made.waiting_calls))
        await made.close()

    asyncio.run(main())
    assert tools.called == []


def test_stop_while_a_call_waits_keeps_the_call() -> None:
    made = writing(Script([call()]))

    async def main() -> None:
        made.begin()
        await until(lambda: bool(made.waiting_calls))
        made.stop()
        await until(lambda: made.state == "over")

    asyncio.run(main())
    assert made.version.open_calls[0].name == "clock"


def test_a_call_that_was_cut_is_not_run() -> None:
    cut = [*call()[:2], Finished("length", Usage(1, 1))]
    tools = Tools()
    made = run(writing(Script([cut]), tools=tools, approvals=Approvals(for_good={"clock": True})))
    assert tools.called == []
    assert "cut" in made.fault


def test_after_the_last_round_no_tools_are_offered() -> None:
    allowed = Approvals(for_good={"clock": True})
    script = Script([*[call() for _ in range(25)], [TextDelta("Enough."), DONE]])
    made = run(writing(script, approvals=allowed))
    assert script.had_tools == [True] * 25 + [False]
    assert made.version.last_text == "Enough."


def test_what_cannot_be_done_is_told_in_a_sentence() -> None:
    @asynccontextmanager
    async def begin(version: Version, has_tools: bool) -> AsyncGenerator[Started]:
        raise RequestError("The prompt is too long.")
        yield

    made = run(Writing(begin, Tools(), Approvals(), Version(())))
    assert made.fault == "The prompt is too long."
    assert not made.has_written


def test_what_fails_is_told_and_logged_without_texts(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def begin(version: Version, has_tools: bool) -> AsyncGenerator[Started]:
        raise ZeroDivisionError
        yield

    made = run(Writing(begin, Tools(), Approvals(), Version.of("a secret")))
    assert "log of the server" in made.fault
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


def test_a_reply_that_is_left_before_its_first_step_is_over() -> None:
    async def main() -> None:
        made = writing(Script([[DONE]]))
        made.begin()
        await made.close()
        await until(lambda: made.state == "over")

    asyncio.run(main())


def test_changes_are_noticed() -> None:
    made = writing(Script([[TextDelta("a"), TextDelta("b"), DONE]]))
    seen: list[str] = []

    async def main() -> None:
        made.begin()
        while made.state != "over":
            with suppress(TimeoutError):
                await asyncio.wait_for(made.changed.wait(), 1)
            made.changed.clear()
            seen.append(made.version.text)

    asyncio.run(main())
    assert seen[-1] == "ab"
