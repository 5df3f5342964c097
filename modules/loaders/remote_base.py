"""Models that another server computes: protocols."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from modules.core.events import Event, Usage
from modules.core.requests import GenerationRequest, Grammar
from modules.loaders.base import ModelInfo, Tokenizer


class RemoteReply(Protocol):
    """A reply that another server has begun: lists of events as they arrive, the last ends with Finished."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """Names of fields that the other server says have no effect."""
        ...

    @property
    def usage(self) -> Usage:
        """What has been counted so far; the other server's own counts come with Finished."""
        ...

    def __aiter__(self) -> AsyncIterator[list[Event]]: ...


class RemoteModel(Protocol):
    """A model in another process, which schedules, samples and renders by itself. Errors are AppErrors, in words for the caller."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def tokenizer(self) -> Tokenizer:
        """Blocking, since it asks the other server; Unsupported where that cannot tokenize."""
        ...

    @property
    def parallel(self) -> int:
        """Requests that may be there at once."""
        ...

    def check(self, request: GenerationRequest) -> None:
        """Unsupported for what can be known to be refused there; quick."""
        ...

    def check_grammar(self, grammar: Grammar) -> None: ...

    def reply(self, request: GenerationRequest) -> AbstractAsyncContextManager[RemoteReply]:
        """Entered when the other server has taken the request; leaving it early ends the work there."""
        ...

    def close(self) -> None:
        """May be called from any thread; replies that run are to be left before."""
        ...
