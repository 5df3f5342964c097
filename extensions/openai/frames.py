"""Events to the bytes of a stream. What every chunk repeats is made once; per token only its text is encoded."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from extensions.openai.head import ResponseHead
from extensions.openai.logprobs import (
    TextOffsets,
    as_given,
    to_chat_logprobs,
    to_completion_logprobs,
)
from extensions.openai.response_types import FinishReason as WireReason
from extensions.openai.sse import frame_of, in_one_line
from extensions.openai.usage import add_usages, to_usage
from modules.core.events import (
    Event,
    Finished,
    FinishReason,
    PromptScored,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)

Merged = AsyncGenerator[tuple[int, Event]]


@dataclass(frozen=True, slots=True)
class StreamShape:
    """`per_prompt`: replies of each prompt.

    `is_legacy`: for clients of 2024, which read `message` in each chunk, expect text in each, and parse each as JSON (no [DONE]).
    `has_old_calls`: calls go out as `function_call`. `hides_reasoning`: the thinking is not sent. `truncated`: messages that were left out.
    """

    per_prompt: int = 1
    includes_usage: bool = False
    is_legacy: bool = False
    has_old_calls: bool = False
    hides_reasoning: bool = False
    truncated: int | None = None


def wire_reason(reason: FinishReason, *, has_old_calls: bool = False) -> WireReason:
    """A reply that was stopped by request has ended, as far as OpenAI's words go."""
    match reason:
        case "tool_calls":
            return "function_call" if has_old_calls else "tool_calls"
        case "length" | "content_filter":
            return reason
        case _:
            return "stop"


class _Template:
    """`data: {…"choices":[{"index":i,` + variable part + `}]…}`"""

    def __init__(self, head: ResponseHead, kind: str, shape: StreamShape) -> None:
        self._fields = head.as_json(kind)
        self._start = b"data: {" + self._fields + b',"choices":[{"index":'
        self._end = (b'}],"usage":null}' if shape.includes_usage else b"}]}") + b"\n\n"
        self._truncated = shape.truncated

    def fill(self, index: int, rest: bytes) -> bytes:
        return b"%b%d,%b%b" % (self._start, index, in_one_line(rest), self._end)

    def usage(self, usage: Usage) -> bytes:
        data = to_usage(usage, self._truncated).model_dump_json().encode()
        return frame_of(b"{" + self._fields + b',"choices":[],"usage":' + data + b"}")


class ChatFrames:
    """Chunks of `chat.completion.chunk`."""

    def __init__(self, head: ResponseHead, shape: StreamShape) -> None:
        self._template = _Template(head, "chat.completion.chunk", shape)
        self._shape = shape
        self._is_legacy = shape.is_legacy

    def opening(self, index: int) -> bytes:
        return self._chunk(index, b'{"role":"assistant","content":"","refusal":null}', b'""')

    def scored(self, index: int, scored: PromptScored | None) -> bytes:
        return b""

    def text(self, index: int, delta: TextDelta) -> bytes:
        content = orjson.dumps(delta.text)
        logprobs = b"null"
        if delta.logprobs:
            logprobs = to_chat_logprobs(delta.logprobs).model_dump_json().encode()
        return self._chunk(index, b'{"content":' + content + b"}", content, logprobs)

    def reasoning(self, index: int, delta: ReasoningDelta) -> bytes:
        if self._shape.hides_reasoning:
            return b""
        return self._chunk(index, b'{"reasoning_content":' + orjson.dumps(delta.text) + b"}", b'""')

    def call(self, index: int, delta: ToolCallDelta) -> bytes:
        return self._chunk(index, orjson.dumps(self._call_delta(delta)), b'""')

    def _call_delta(self, delta: ToolCallDelta) -> dict[str, Any]:
        function: dict[str, str] = {} if delta.name is None else {"name": delta.name}
        function["arguments"] = delta.arguments
        if self._shape.has_old_calls:
            return {"function_call": function}
        call: dict[str, Any] = {"index": delta.index}
        if delta.id is not None:
            call |= {"id": delta.id, "type": "function"}
        return {"tool_calls": [{**call, "function": function}]}

    def end(self, index: int, finished: Finished) -> bytes:
        delta = b'{"content":""}' if self._is_legacy else b"{}"
        wire = wire_reason(finished.reason, has_old_calls=self._shape.has_old_calls)
        reason = _with_stop(orjson.dumps(wire), finished)
        return self._chunk(index, delta, b'""', reason=reason)

    def usage(self, usage: Usage) -> bytes:
        return self._template.usage(usage)

    def _chunk(
        self,
        index: int,
        delta: bytes,
        content: bytes,
        logprobs: bytes = b"null",
        reason: bytes = b"null",
    ) -> bytes:
        message = b""
        if self._is_legacy:
            message = b',"message":{"role":"assistant","content":' + content + b"}"
        return self._template.fill(
            index,
            b'"delta":%b%b,"logprobs":%b,"finish_reason":%b' % (delta, message, logprobs, reason),
        )


class CompletionFrames:
    """Chunks of `text_completion`; `echoes`: for each reply the text to send first, or ""; `as_ids`: tokens are named by their ids.

    `are_texts`: the echoes are what was sent, rather than made from ids.
    """

    def __init__(
        self,
        head: ResponseHead,
        shape: StreamShape,
        echoes: list[str],
        *,
        as_ids: bool = False,
        are_texts: bool = True,
    ) -> None:
        self._template = _Template(head, "text_completion", shape)
        self._echoes = echoes
        self._offsets = [TextOffsets() for _ in echoes]
        self._as_ids = as_ids
        self._are_texts = are_texts

    def opening(self, index: int) -> bytes:
        """Nothing: an echo waits for the first event, since only then its log-probabilities are known."""
        return b""

    def scored(self, index: int, scored: PromptScored | None) -> bytes:
        if not self._echoes[index] and scored is None:
            return b""
        echo, tokens = self._echoes[index], scored.logprobs if scored else ()
        if self._are_texts:
            tokens = tuple(as_given(tokens, echo))
        return self._chunk(index, echo, tokens)

    def text(self, index: int, delta: TextDelta) -> bytes:
        return self._chunk(index, delta.text, delta.logprobs)

    def reasoning(self, index: int, delta: ReasoningDelta) -> bytes:
        raise NotImplementedError("a completion is read as plain text")

    def call(self, index: int, delta: ToolCallDelta) -> bytes:
        raise NotImplementedError("a completion is read as plain text")

    def end(self, index: int, finished: Finished) -> bytes:
        reason = _with_stop(orjson.dumps(wire_reason(finished.reason)), finished)
        return self._template.fill(index, b'"text":"","logprobs":null,"finish_reason":' + reason)

    def usage(self, usage: Usage) -> bytes:
        return self._template.usage(usage)

    def _chunk(self, index: int, text: str, tokens: tuple[TokenLogprob, ...]) -> bytes:
        logprobs = b"null"
        if tokens:
            shaped = to_completion_logprobs(tokens, self._offsets[index], as_ids=self._as_ids)
            logprobs = shaped.model_dump_json().encode()
        else:
            self._offsets[index].skip(text)
        return self._template.fill(
            index,
            b'"text":%b,"logprobs":%b,"finish_reason":null' % (orjson.dumps(text), logprobs),
        )


def _with_stop(reason: bytes, finished: Finished) -> bytes:
    """The reason, and beside it the stop string, as vLLM has it."""
    if finished.stop_string is None:
        return reason
    return reason + b',"stop_reason":' + orjson.dumps(finished.stop_string)


class Frames(Protocol):
    """The chunks of one kind of stream; empty bytes are not sent."""

    def opening(self, index: int) -> bytes: ...
    def scored(self, index: int, scored: PromptScored | None) -> bytes: ...
    def text(self, index: int, delta: TextDelta) -> bytes: ...
    def reasoning(self, index: int, delta: ReasoningDelta) -> bytes: ...
    def call(self, index: int, delta: ToolCallDelta) -> bytes: ...
    def end(self, index: int, finished: Finished) -> bytes: ...
    def usage(self, usage: Usage) -> bytes: ...


async def to_frames(
    frames: Frames, events: Merged, shape: StreamShape, replies: int
) -> AsyncGenerator[bytes]:
    """All frames of `replies` merged replies, without the final `[DONE]`."""
    usages: dict[int, Usage] = {}
    begun: set[int] = set()
    for index in range(replies):
        if frame := frames.opening(index):
            yield frame
    try:
        async for index, event in events:
            if index not in begun:
                begun.add(index)
                if frame := frames.scored(
                    index, event if isinstance(event, PromptScored) else None
                ):
                    yield frame
            if isinstance(event, Finished):
                usages[index] = event.usage
            if frame := _frame(frames, index, event):
                yield frame
    finally:
        await events.aclose()
    if shape.includes_usage:
        step = shape.per_prompt
        groups = [[usages[i] for i in range(j, j + step)] for j in range(0, replies, step)]
        yield frames.usage(add_usages(groups))


def _frame(frames: Frames, index: int, event: Event) -> bytes:
    if isinstance(event, TextDelta):  # by far the most frequent
        return frames.text(index, event)
    match event:
        case ReasoningDelta():
            return frames.reasoning(index, event)
        case ToolCallDelta():
            return frames.call(index, event)
        case Finished():
            return frames.end(index, event)
        case PromptScored():
            return b""
