"""A reply in the making: the model writes, calls tools, waits for the user's answer about them, and goes on."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, cast

from modules.chats.turns import Step, Tally, ToolUse, Version
from modules.core.errors import AppError, ModelError
from modules.core.events import (
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from modules.core.messages import ToolCall
from modules.core.traces import trace_of
from modules.toolbox.approvals import Answer, Approvals
from modules.toolbox.rounds import ROUND_LIMIT, CallsTools, CallUpdate, run_calls, waiting_calls
from modules.ui.markup import UNEXPECTED

log = logging.getLogger("hearth.ui")

State = Literal["waiting", "writing", "asking", "running", "over"]

STOP_PATIENCE_S = 2.0
"""How long a reply that was stopped may take to end by itself."""


class Stream(Protocol):
    """Of `modules.replies`: at least the next event at a time, [] at the end."""

    async def batch(self) -> list[Event]: ...

    def stop(self) -> None:
        """What was held back comes still, then Finished."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Started:
    """A reply that has begun: who writes it, and how much of the chat was left out for that."""

    stream: Stream
    model: str
    context_length: int
    left_out: int = 0


Start = Callable[[Version, bool], AbstractAsyncContextManager[Started]]
"""Begins the next round after what a version holds, with tools or without."""


@dataclass
class _Round:
    """What has been written since the last calls."""

    texts: list[str] = field(default_factory=list[str])
    thoughts: list[str] = field(default_factory=list[str])
    calls: dict[int, ToolUse] = field(default_factory=dict[int, ToolUse])
    arguments: dict[int, list[str]] = field(default_factory=dict[int, list[str]])

    def add(self, event: Event) -> None:
        match event:
            case TextDelta(text):
                self.texts.append(text)
            case ReasoningDelta(text):
                self.thoughts.append(text)
            case ToolCallDelta(index, arguments, call_id, name):
                known = self.calls.setdefault(index, ToolUse("", "", ""))
                if call_id or name:
                    self.calls[index] = replace(
                        known, id=call_id or known.id, name=name or known.name
                    )
                self.arguments.setdefault(index, []).append(arguments)
            case _:
                pass

    def step(self, before: Step) -> Step:
        """After what the step had already."""
        calls = tuple(
            replace(call, arguments="".join(self.arguments[index]))
            for index, call in sorted(self.calls.items())
        )
        return Step(
            before.text + "".join(self.texts),
            before.reasoning + "".join(self.thoughts),
            (*before.calls, *calls),
        )


class Writing:
    """`begun`: the version so far, to go on from; its last step grows when `grows_last`. `begin` once, in the event loop.

    `version` is what there is at any time. `changed` is set with every change. `fault`: why it ended, as a sentence.
    """

    def __init__(
        self,
        start: Start,
        toolbox: CallsTools,
        approvals: Approvals,
        begun: Version,
        *,
        grows_last: bool = False,
    ) -> None:
        self._start = start
        self._toolbox = toolbox
        self.approvals = approvals
        self._done = begun.steps[:-1] if grows_last else begun.steps
        self._base = begun.steps[-1] if grows_last else Step()
        self._begun = begun
        self._round = _Round()
        self._answered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stream: Stream | None = None
        self._usage = Usage(0, 0)
        self._since: float | None = None
        self._seconds = 0.0
        self._is_stopped = False
        self._ids = {call.id for call in begun.calls}
        self.changed = asyncio.Event()
        self.state: State = "waiting"
        self.model = ""
        self.left_out = 0
        self.context_length = 0
        self.context_used = 0
        self.finish_reason = ""
        self.fault = ""
        self.pieces = 0
        self._untold = 0
        self.thinking_s: float | None = None

    @property
    def has_written(self) -> bool:
        """Anything beyond what there was at the beginning."""
        return self.pieces > 0

    @property
    def waiting_calls(self) -> tuple[ToolUse, ...]:
        if self.state != "asking":
            return ()
        waiting = {call.id for call in waiting_calls(_to_calls(self._open()), self.approvals)}
        return tuple(call for call in self._open() if call.id in waiting)

    @property
    def tokens_per_second(self) -> float | None:
        """Of what has been written in all rounds, counted by its pieces where nobody has told the tokens yet."""
        seconds = self._seconds + (time.monotonic() - self._since if self._since else 0.0)
        count = self._usage.completion_tokens + self._untold
        return count / seconds if seconds > 0.2 and count > 1 else None

    @property
    def version(self) -> Version:
        last = self._round.step(self._base)
        steps = self._done if last.is_empty else (*self._done, last)
        return replace(
            self._begun,
            steps=steps,
            shown=None,
            model=self.model,
            tally=self._tally,
            finish_reason=self.finish_reason,
        )

    @property
    def _tally(self) -> Tally:
        usage = self._usage
        return Tally(usage.prompt_tokens, usage.completion_tokens, self._seconds, self.context_used)

    def begin(self) -> None:
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._end)  # also where it is cancelled before its first step

    def answer(self, call_id: str, answer: Answer) -> None:
        call = next((call for call in self._open() if call.id == call_id), None)
        if call is not None:
            self.approvals = self.approvals.answered(ToolCall(call.id, call.name, ""), answer)
            self._answered.set()
            self._note()

    def stop(self) -> None:
        """What is there stays, and what an extension holds back of it comes still. In the event loop."""
        self._is_stopped = True
        if self._stream is None:
            self._cancel()
        else:
            self._stream.stop()
            asyncio.get_running_loop().call_later(STOP_PATIENCE_S, self._cancel)

    def cut_off(self) -> None:
        """Stops it at once. In the event loop."""
        self._is_stopped = True
        self._cancel()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Stops it at once, and waits until it has ended."""
        self.cut_off()
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(asyncio.gather(self._task, return_exceptions=True))

    async def _run(self) -> None:
        try:
            for number in range(ROUND_LIMIT + 1):
                await self._write(has_tools=number < ROUND_LIMIT)
                if self._is_stopped and self._open():
                    self.finish_reason = "cancelled"
                if self._is_stopped or not self._open():
                    break
                await self._call_tools()
                self._begin_round()
        except asyncio.CancelledError:
            self.finish_reason = "cancelled"
            if not self._is_stopped:
                raise
        except AppError as error:
            self.fault = error.message
        except Exception as error:  # noqa: BLE001 - whatever it is, the page is told
            log.error("A reply of the chat failed: %s", trace_of(error))
            self.fault = UNEXPECTED

    def _end(self, _: object) -> None:
        self._end_clock()
        self.state = "over"
        self._note()

    async def _write(self, *, has_tools: bool) -> None:
        self.state = "waiting"
        self._note()
        async with self._start(self.version, has_tools) as started:
            self.model = started.model
            self.left_out = started.left_out
            self.context_length = started.context_length
            await self._read(started.stream)

    async def _read(self, stream: Stream) -> None:
        self._stream = stream
        try:
            while events := await stream.batch():
                for event in events:
                    self._take(event)
                self._note()
        finally:
            self._stream = None
            self._end_clock()
            await stream.aclose()

    def _take(self, event: Event) -> None:
        if isinstance(event, Finished):
            self._end_clock()
            self._usage, self._untold = self._usage + event.usage, 0
            self.context_used = event.usage.total_tokens
            self.finish_reason = event.reason
            self._name_calls()
            return
        if self._since is None:
            self._since = time.monotonic()
        is_answer = isinstance(event, TextDelta | ToolCallDelta)
        if is_answer and self.thinking_s is None and self._round.thoughts:
            self.thinking_s = time.monotonic() - (self._since or 0)
        self.pieces += 1
        self._untold += 1
        self.state = "writing"
        self._round.add(event)

    def _name_calls(self) -> None:
        """Each call gets an id that no other of this reply has: an answer about one must not count for another."""
        for index, call in self._round.calls.items():
            if not call.id or call.id in self._ids:
                self._round.calls[index] = replace(call, id=f"call_{secrets.token_hex(6)}")
            self._ids.add(self._round.calls[index].id)

    def _open(self) -> tuple[ToolUse, ...]:
        return tuple(call for call in self._round.calls.values() if call.result is None)

    async def _call_tools(self) -> None:
        if self.finish_reason not in ("tool_calls", "stop"):
            raise ModelError(
                "The call of a tool was cut at the limit of tokens, so it was not run."
            )
        self.state = "asking"
        self._note()
        while waiting_calls(_to_calls(self._open()), self.approvals):
            self._answered.clear()
            await self._answered.wait()
        self.state = "running"
        self._note()
        step = self._round.step(self._base)
        calls = [
            ToolCall(call.id, call.name, call.arguments)
            for call in step.calls[-len(self._round.calls) :]
        ]
        running = run_calls(self._toolbox, calls, self.approvals)
        async with aclosing(cast("AsyncGenerator[CallUpdate]", running)) as updates:
            async for update in updates:
                if update.result is not None:
                    self._set_result(update.call.id, update.result.text, update.result.is_error)

    def _set_result(self, call_id: str, text: str, is_error: bool) -> None:
        for index, call in self._round.calls.items():
            if call.id == call_id:
                self._round.calls[index] = replace(call, result=text, is_error=is_error)
        self._note()

    def _begin_round(self) -> None:
        self._done = (*self._done, self._round.step(self._base))
        self._base, self._round = Step(), _Round()
        self.thinking_s = None

    def _end_clock(self) -> None:
        if self._since is not None:
            self._seconds += time.monotonic() - self._since
            self._since = None

    def _note(self) -> None:
        self.changed.set()


def _to_calls(calls: Sequence[ToolUse]) -> list[ToolCall]:
    return [ToolCall(call.id, call.name, call.arguments) for call in calls]
