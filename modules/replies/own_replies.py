"""Replies that an extension makes itself: pieces of text, which become the same events as a model's."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from modules.core.errors import AppError
from modules.core.events import Completion, Event, Finished, FinishReason, TextDelta, Usage
from modules.core.requests import GenerationRequest
from modules.engine.engine import Engine
from modules.engine.folding import fold
from modules.hooks import Extension, Hooks, WrongAnswer
from modules.text.stop import StopMatcher

T = TypeVar("T")

HOOK = "custom_generate_reply"


@dataclass(eq=False, slots=True)
class OwnReply:
    """What an extension says, piece by piece; `first` has been taken already, None when there was nothing. Blocking.

    One thread at a time: `close` waits until a piece that is being made is there.
    """

    hooks: Hooks
    extension: Extension
    pieces: Iterator[str]
    first: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_over: bool = False

    def next(self) -> str | None:
        """None after the last. What the extension raises ends the reply, and is noted."""
        with self._lock:
            if self.first is not None:
                piece, self.first = self.first, None
                return piece
            if self._is_over:
                return None
            try:
                return checked_piece(next(self.pieces))
            except StopIteration:
                pass
            except Exception as error:  # noqa: BLE001 - whatever an extension does
                self.hooks.note(self.extension, HOOK, error)
            self._is_over = True
            return None

    def close(self) -> None:
        with self._lock:
            self._is_over, self.first = True, None
            close = getattr(self.pieces, "close", None)
            if close is None:
                return
            try:
                close()
            except Exception as error:  # noqa: BLE001 - whatever an extension does
                self.hooks.note(self.extension, HOOK, error)


def checked_piece(piece: object) -> str:
    if not isinstance(piece, str):
        raise WrongAnswer(f"it gave {type(piece).__name__}, not str")
    return piece


class OwnReplyStream:
    """A `ReplyStream` of what an extension says: stop strings end it, and its tokens count as the model's tokenizer would cut them."""

    is_taken = True
    ignored: tuple[str, ...] = ()

    def __init__(self, reply: OwnReply, request: GenerationRequest, engine: Engine) -> None:
        self._reply = reply
        self._prompt_tokens = len(request.prompt_ids)
        self._tokenizer = engine.tokenizer
        # Another server would have to be asked for each piece: there the reply is counted at its end, and not bounded.
        self._left = None if engine.info.renders_itself else request.max_tokens
        self._stop = StopMatcher(request.stop)
        self._events: deque[Event] = deque()
        self._uncounted: list[str] = []
        self._tokens = 0
        self._is_over = False
        self._is_stopped = False

    async def taken(self) -> None:
        """At once."""

    def __aiter__(self) -> "OwnReplyStream":
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._is_over:
                raise StopAsyncIteration
            self._events.extend(await self._in_thread(self._advance))
        event = self._events.popleft()
        if isinstance(event, Finished):
            await self.aclose()
        return event

    async def batch(self) -> list[Event]:
        event = await anext(self, None)
        return [] if event is None else [event]

    def stop(self) -> None:
        """A piece that is being made is the last."""
        self._is_stopped = True

    async def aclose(self) -> None:
        """Does not wait for a piece that is being made; that may take as long as the extension likes."""
        if not self._is_over:
            self._is_over = True
            self._in_thread(self._reply.close)

    async def fold(self) -> Completion:
        return await fold(self)

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._reply.hooks.threads, work)

    def _advance(self) -> list[Event]:
        """Events of the next piece; the last is Finished when the reply ends with it."""
        piece = None if self._is_stopped else self._reply.next()
        if self._is_stopped:
            text = self._stop.feed(piece or "") + self._stop.finish()
            return [*_delta(text), self._finished("cancelled")]
        if piece is None:
            return [*_delta(self._stop.finish()), self._finished("stop")]
        kept, is_cut = self._within_bound(piece)
        text = self._stop.feed(kept)
        if self._stop.matched is not None:
            return [*_delta(text), self._finished("stop")]
        if is_cut:
            return [*_delta(text + self._stop.finish()), self._finished("length")]
        return _delta(text)

    def _within_bound(self, piece: str) -> tuple[str, bool]:
        """The piece as far as `max_tokens` reaches, and whether something was cut off."""
        if self._left is None:
            self._uncounted.append(piece)
            return piece, False
        ids = self._encode(piece)
        kept = ids[: self._left]
        self._tokens += len(kept)
        self._left -= len(kept)
        if len(kept) == len(ids):
            return piece, False
        pieces = [self._tokenizer.piece(token_id, special=True) for token_id in kept]
        return b"".join(pieces).decode(errors="ignore"), True

    def _finished(self, reason: FinishReason) -> Finished:
        with suppress(AppError):  # of another server that does not answer: then nothing is known
            text = "".join(self._uncounted)
            self._tokens += len(self._encode(text)) if text else 0
        return Finished(reason, Usage(self._prompt_tokens, self._tokens), self._stop.matched)

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special=False, parse_special=False)


def _delta(text: str) -> list[Event]:
    return [TextDelta(text)] if text else []
