"""What extensions make of the text of a reply, while it comes or when it is whole."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from modules.core.events import Completion, Event, Finished, TextDelta, TokenLogprob
from modules.engine.folding import fold
from modules.hooks import Extension, Hooks, State, TextTransform, WrongAnswer
from modules.replies.streams import ReplyStream

WHOLE, STREAM = "output_modifier", "output_stream"


def output_stages(hooks: Hooks, state: State) -> "list[Stage]":
    """One for each enabled extension that has an output hook, in their order; its `output_stream` wins. Blocking."""
    stages: list[Stage] = []
    for extension in hooks.extensions:
        if (stream := extension.hook(STREAM)) is not None:
            try:
                transform = stream(state)
                stages.append(Stage(hooks, extension, STREAM, transform))
            except Exception as error:  # noqa: BLE001 - whatever an extension does
                hooks.note(extension, STREAM, error)
        elif (whole := extension.hook(WHOLE)) is not None:
            stages.append(Stage(hooks, extension, WHOLE, WholeText(whole, state)))
    return stages


class WholeText:
    """A `TextTransform` of a function of the whole text: nothing comes out before the end."""

    def __init__(self, modify: Callable[..., Any], state: State) -> None:
        self._modify = modify
        self._state = state
        self._pieces: list[str] = []

    def feed(self, text: str) -> str:
        self._pieces.append(text)
        return ""

    def finish(self) -> str:
        return self._modify("".join(self._pieces), self._state)


class Stage:
    """A `TextTransform` of an extension. After a fault the text goes through as it is, with what was held back."""

    def __init__(
        self, hooks: Hooks, extension: Extension, hook: str, transform: TextTransform
    ) -> None:
        self._hooks = hooks
        self._extension = extension
        self._hook = hook
        self._transform: TextTransform | None = transform
        self._fed: list[str] = []
        self._sent: list[str] = []

    def hear(self, tokens: tuple[TokenLogprob, ...]) -> str:
        """For those that want them. What was held back, where that fails."""
        hear = getattr(self._transform, "hear", None)
        if hear is None:
            return ""

        def call(_: TextTransform) -> str:
            hear(tokens)
            return ""

        return self._guarded(call, "")

    def feed(self, text: str) -> str:
        if self._transform is None:
            return text
        self._fed.append(text)
        return self._guarded(lambda transform: transform.feed(text), text)

    def finish(self) -> str:
        if self._transform is None:
            return ""
        return self._guarded(lambda transform: transform.finish(), "")

    def _guarded(self, call: Callable[[TextTransform], object], text: str) -> str:
        assert self._transform is not None
        try:
            answer = call(self._transform)
            if not isinstance(answer, str):
                raise WrongAnswer(f"it returned {type(answer).__name__}, not str")
        except Exception as error:  # noqa: BLE001 - whatever an extension does
            self._hooks.note(self._extension, self._hook, error)
            self._transform = None
            return self._unsent(text)
        self._sent.append(answer)
        return answer

    def _unsent(self, text: str) -> str:
        """What was held back, where all else went out as it was; else this text alone, since nobody can tell."""
        fed, sent = "".join(self._fed), "".join(self._sent)
        return fed.removeprefix(sent) if fed.startswith(sent) else text


class Pipe:
    """All stages, one after the other. Blocking."""

    def __init__(self, stages: list[Stage]) -> None:
        self._stages = stages
        self._tokens: list[TokenLogprob] = []

    def apply(self, events: list[Event]) -> list[Event]:
        """Texts changed; what is no text goes through. What is held back comes before Finished.

        Tokens with log-probabilities stay the model's own: they come with the next text that goes out.
        """
        made: list[Event] = []
        for event in events:
            if isinstance(event, TextDelta):
                self._tokens += event.logprobs
                if text := self._feed(event.text, event.logprobs):
                    made.append(self._delta(text))
            elif isinstance(event, Finished):
                text = self._finish()
                if text or self._tokens:
                    made.append(self._delta(text))
                made.append(event)
            else:
                made.append(event)
        return made

    def _delta(self, text: str) -> TextDelta:
        tokens, self._tokens = tuple(self._tokens), []
        return TextDelta(text, tokens)

    def _feed(self, text: str, tokens: tuple[TokenLogprob, ...]) -> str:
        for stage in self._stages:
            held = stage.hear(tokens) if tokens else ""
            text = held + (stage.feed(text) if text else "")
        return text

    def _finish(self) -> str:
        text = ""
        for stage in self._stages:
            text = (stage.feed(text) if text else "") + stage.finish()
        return text


class ChangedStream:
    """A `ReplyStream` whose texts go through a pipe, in worker threads."""

    def __init__(self, stream: ReplyStream, state: State, hooks: Hooks) -> None:
        self._stream = stream
        self._state = state
        self._hooks = hooks
        self._pipe: Pipe | None = None
        self._events: deque[Event] = deque()

    @property
    def is_taken(self) -> bool:
        return self._stream.is_taken

    @property
    def ignored(self) -> tuple[str, ...]:
        return self._stream.ignored

    async def taken(self) -> None:
        await self._stream.taken()

    def __aiter__(self) -> "ChangedStream":
        return self

    async def __anext__(self) -> Event:
        if not self._events and not await self._read():
            raise StopAsyncIteration
        return self._events.popleft()

    async def batch(self) -> list[Event]:
        if not self._events and not await self._read():
            return []
        events = list(self._events)
        self._events.clear()
        return events

    def stop(self) -> None:
        self._stream.stop()

    async def aclose(self) -> None:
        self._events.clear()
        await self._stream.aclose()

    async def fold(self) -> Completion:
        return await fold(self)

    async def _read(self) -> bool:
        """Until there is something to give; False at the end."""
        while not self._events:
            events = await self._stream.batch()
            if not events:
                return False
            loop, threads = asyncio.get_running_loop(), self._hooks.threads
            self._events.extend(await loop.run_in_executor(threads, self._change, events))
        return True

    def _change(self, events: list[Event]) -> list[Event]:
        if self._pipe is None:
            self._pipe = Pipe(output_stages(self._hooks, self._state))
        return self._pipe.apply(events)
