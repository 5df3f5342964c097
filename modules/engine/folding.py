"""Events of a reply to the whole reply."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from modules.core.events import (
    Completion,
    Event,
    Finished,
    PromptScored,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)
from modules.core.messages import ToolCall


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    arguments: list[str] = field(default_factory=list[str])


class Folder:
    """Takes the deltas in their order; `completion` joins them."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._logprobs: list[TokenLogprob] = []
        self._prompt: tuple[TokenLogprob, ...] = ()

    def add(self, event: Event) -> None:
        match event:
            case TextDelta(text, tokens):
                self._texts.append(text)
                self._logprobs.extend(tokens)
            case ReasoningDelta(text):
                self._reasoning.append(text)
            case ToolCallDelta(index, arguments, call_id, name):
                call = self._calls.setdefault(index, _Call(call_id or "", name or ""))
                call.arguments.append(arguments)
            case PromptScored(tokens):
                self._prompt = tokens
            case Finished():
                pass

    def completion(self, finished: Finished) -> Completion:
        calls = tuple(
            ToolCall(call.id, call.name, "".join(call.arguments))
            for _, call in sorted(self._calls.items())
        )
        return Completion(
            text="".join(self._texts),
            reason=finished.reason,
            usage=finished.usage,
            logprobs=tuple(self._logprobs),
            prompt_logprobs=self._prompt,
            stop_string=finished.stop_string,
            reasoning="".join(self._reasoning),
            tool_calls=calls,
        )


class Closable(Protocol):
    def __aiter__(self) -> AsyncIterator[Event]: ...

    async def aclose(self) -> None: ...


async def fold(stream: Closable) -> Completion:
    """The whole reply; cancelling this cancels the request."""
    folder = Folder()
    try:
        async for event in stream:
            if isinstance(event, Finished):
                return folder.completion(event)
            folder.add(event)
    finally:
        await stream.aclose()
    raise RuntimeError("a stream ends with Finished or an error")
