"""Chunks of a streamed reply to events. What a server leaves out or spells in its own way is mended here."""

from collections.abc import Mapping
from typing import Any, Protocol, cast

from modules.core.events import (
    Event,
    Finished,
    FinishReason,
    PromptScored,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    Usage,
)
from modules.core.requests import GenerationRequest
from modules.core.unrendered import TextPrompt
from modules.loaders.upstream.calls import CallReader
from modules.loaders.upstream.faults import garbled
from modules.loaders.upstream.json_values import Fields, to_fields, whole_number
from modules.loaders.upstream.logprobs import (
    Names,
    read_chat_logprobs,
    read_completion_logprobs,
    with_alternatives,
)

_REASONS: Mapping[str, FinishReason] = {
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class Ending:
    """How a reply ends and what it took: what the server says of it, else what was counted."""

    def __init__(self, prompt_tokens: int) -> None:
        self.reason: FinishReason | None = None
        self.stop_string: str | None = None
        self._told: Usage | None = None
        self._prompt_tokens = prompt_tokens
        self._pieces = 0
        self._reasoning = 0

    @property
    def usage(self) -> Usage:
        counted = Usage(self._prompt_tokens, self._pieces, reasoning_tokens=self._reasoning)
        return self._told or counted

    def count(self, pieces: int, *, reasoning: int = 0) -> None:
        self._pieces += pieces
        self._reasoning += reasoning

    def note_usage(self, usage: Any) -> None:
        told = to_fields(usage)
        completion = whole_number(told.get("completion_tokens"))
        if completion is not None:
            self._told = Usage(
                whole_number(told.get("prompt_tokens")) or self._prompt_tokens,
                completion,
                _detail(told, "prompt_tokens_details", "cached_tokens"),
                _detail(told, "completion_tokens_details", "reasoning_tokens"),
            )

    def note_reason(self, choice: Fields) -> None:
        reason: Any = choice.get("finish_reason")
        if isinstance(reason, str):
            self.reason = _REASONS.get(reason, "stop")
        stop: Any = choice.get(
            "stop_reason"
        )  # vLLM's and Hearth's: the stop string, or the id of a token
        if isinstance(stop, str):
            self.stop_string = stop

    def finish(self, *, has_calls: bool, is_done: bool) -> Finished | None:
        """None when the stream broke off. `is_done`: the server said that this was all."""
        reason = self.reason or ("stop" if is_done else None)
        if reason is None:
            return None
        if has_calls and reason == "stop":
            reason = "tool_calls"
        return Finished(reason, self.usage, self.stop_string)


class ReplyReader(Protocol):
    @property
    def usage(self) -> Usage: ...

    def read(self, chunk: Fields) -> list[Event]: ...

    def finish(self, *, is_done: bool) -> list[Event] | None:
        """None when the reply is not whole."""
        ...


class ChatReader:
    """Chunks of chats; a whole answer counts as one chunk."""

    def __init__(self, request: GenerationRequest) -> None:
        self._ending = Ending(0)
        self._calls = CallReader(request.max_calls)
        self._drops_space = request.drops_leading_space

    @property
    def usage(self) -> Usage:
        return self._ending.usage

    def read(self, chunk: Fields) -> list[Event]:
        self._ending.note_usage(chunk.get("usage"))
        choice = first_choice(chunk)
        if choice is None:
            return []
        self._ending.note_reason(choice)
        delta = _object(choice.get("delta") or choice.get("message"))
        events: list[Event] = []
        thought = _text(delta.get("reasoning_content") or delta.get("reasoning"))
        if thought:
            events.append(ReasoningDelta(thought))
            self._ending.count(1, reasoning=1)
        events += self._content(delta, choice)
        calls = self._calls.read(delta)
        self._ending.count(len(calls))
        return [*events, *calls]

    def finish(self, *, is_done: bool) -> list[Event] | None:
        end = self._ending.finish(has_calls=self._calls.has_calls, is_done=is_done)
        return None if end is None else [end]

    def _content(self, delta: Fields, choice: Fields) -> list[Event]:
        text = _text(delta.get("content")) + _text(delta.get("refusal"))
        tokens = read_chat_logprobs(choice.get("logprobs"))
        if not text and not tokens:
            return []
        self._ending.count(len(tokens) or 1)
        if self._drops_space and text:
            self._drops_space, text = False, text.removeprefix(" ")
        return [TextDelta(text, tokens)]


class CompletionReader:
    """Chunks of completions. With `prompt_logprobs` they begin with the prompt, which is no part of the reply."""

    def __init__(self, request: GenerationRequest, names: Names) -> None:
        self._request = request
        self._names = names
        self._ending = Ending(len(request.prompt_ids))
        self._echo = None if request.prompt_logprobs is None else _Echo(request)
        self._drops_space = request.drops_leading_space

    @property
    def usage(self) -> Usage:
        return self._ending.usage

    def read(self, chunk: Fields) -> list[Event]:
        self._ending.note_usage(chunk.get("usage"))
        choice = first_choice(chunk)
        if choice is None:
            return []
        self._ending.note_reason(choice)
        text = _text(choice.get("text"))
        tokens, offsets = read_completion_logprobs(choice.get("logprobs"), self._names)
        events: list[Event] = []
        if self._echo is not None and (text or tokens):
            text, tokens = self._echo.cut(text, tokens, offsets)
            if self._echo.is_over:
                events.append(self._echo.scored)
                self._echo = None
        if self._drops_space and text:
            self._drops_space, text = False, text.removeprefix(" ")
        if text or tokens:
            self._ending.count(len(tokens) or 1)
            events.append(TextDelta(text, with_alternatives(tokens, self._request.logprobs)))
        return events

    def finish(self, *, is_done: bool) -> list[Event] | None:
        end = self._ending.finish(has_calls=False, is_done=is_done)
        if end is None:
            return None
        if self._echo is not None:
            raise garbled("it reports no log-probabilities of the prompt")
        return [end]


class _Echo:
    """The prompt in front of a reply. Of ids their number is known, of a text its length."""

    def __init__(self, request: GenerationRequest) -> None:
        prompt = request.unrendered
        self._wanted = request.prompt_logprobs
        self._length = len(prompt.text) if isinstance(prompt, TextPrompt) else None
        self._left = len(request.prompt_ids)
        self._seen = 0
        self._tokens: list[TokenLogprob] = []
        self.is_over = False

    @property
    def scored(self) -> PromptScored:
        return PromptScored(with_alternatives(self._tokens, self._wanted))

    def cut(
        self, text: str, tokens: list[TokenLogprob], offsets: list[int]
    ) -> tuple[str, list[TokenLogprob]]:
        """What of a chunk belongs to the reply."""
        if not tokens or len(offsets) != len(tokens):
            raise garbled("it reports no log-probabilities of the prompt")
        count = self._count(offsets)
        self._tokens += tokens[:count]
        self._left -= count
        self._seen += len(text)
        rest = tokens[count:]
        if rest:
            text = text[offsets[count] - offsets[0] :]
        is_whole = self._left == 0 if self._length is None else self._seen >= self._length
        self.is_over = bool(rest) or is_whole
        return (text if rest else ""), rest

    def _count(self, offsets: list[int]) -> int:
        if self._length is None:
            return min(self._left, len(offsets))
        return sum(offset < self._length for offset in offsets)


def first_choice(chunk: Fields) -> Fields | None:
    """None for chunks without any, such as the last with the usage."""
    choices: Any = chunk.get("choices")
    if not choices:
        return None
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        raise garbled("its chunks have no choices")
    return cast("Fields", choices[0])


def _object(value: Any) -> Fields:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise garbled("its chunks are not of OpenAI's form")
    return cast("Fields", value)


def _text(value: Any) -> str:
    """Some servers send content as a list of parts."""
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        return "".join(_text(_object(part).get("text")) for part in parts)
    if value is not None and not isinstance(value, str):
        raise garbled("its chunks are not of OpenAI's form")
    return value or ""


def _detail(usage: Fields, group: str, name: str) -> int:
    return whole_number(to_fields(usage.get(group)).get(name)) or 0
