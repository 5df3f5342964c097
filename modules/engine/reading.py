"""The text of a reply to events: thinking, tool calls, and content up to a stop string."""

from modules.core.events import Event, ReasoningDelta, TextDelta, TokenLogprob, ToolCallDelta
from modules.core.tools import ReplyLayout, new_call_id
from modules.text.channels import (
    CallArguments,
    CallEnd,
    CallStart,
    ContentPart,
    ReasoningPart,
    ReplyPart,
)
from modules.text.splitter import ReplySplitter
from modules.text.stop import StopMatcher


class PartReader:
    """Fed with the text of each token. Stop strings end the content only: thinking and calls may hold them."""

    def __init__(
        self,
        layout: ReplyLayout | None,
        stops: tuple[str, ...],
        *,
        drops_leading_space: bool = False,
    ) -> None:
        # A stop string that begins with white space must see it come, though before a call it is no content.
        holds_space = not any(stop[:1].isspace() for stop in stops)
        self._splitter = None if layout is None else ReplySplitter(layout, holds_space=holds_space)
        self._stop = StopMatcher(stops)
        self._drops_space = drops_leading_space
        self._tokens = _WaitingTokens()
        self._fed = 0
        self.calls = 0
        self.has_calls = False

    @property
    def is_reasoning(self) -> bool:
        return self._splitter is not None and self._splitter.is_reasoning

    @property
    def stop_string(self) -> str | None:
        return self._stop.matched

    def feed(self, text: str, logprob: TokenLogprob | None) -> list[Event]:
        if logprob is not None:
            self._tokens.add(self._fed, logprob)
        start = self._fed
        self._fed += len(text)
        if self._splitter is None:
            return self._content(text, start)
        return self._events(self._splitter.feed(text))

    def finish(self, text: str) -> list[Event]:
        """The last text, and what was held back."""
        start = self._fed
        self._fed += len(text)
        if self._splitter is None:
            events = self._content(text, start)
        else:
            events = self._events([*self._splitter.feed(text), *self._splitter.finish()])
        text, tokens = self._stop.finish(), self._tokens.rest(has_parts=self._splitter is not None)
        return [*events, TextDelta(text, tokens)] if text or tokens else events

    def _events(self, parts: list[ReplyPart]) -> list[Event]:
        events: list[Event] = []
        for part in parts:
            events += self._part_events(part)
            if self._stop.matched is not None:  # the reply is over; what follows was never said
                break
        return events

    def _part_events(self, part: ReplyPart) -> list[Event]:
        match part:
            case ContentPart(text, start):
                return self._content(text, start)
            case ReasoningPart(text):
                return [ReasoningDelta(text)]
            case CallStart(index, name):
                self.has_calls = True
                return [ToolCallDelta(index, id=new_call_id(), name=name)]
            case CallArguments(index, text):
                return [ToolCallDelta(index, text)]
            case CallEnd():
                self.calls += 1
                return []

    def _content(self, text: str, start: int) -> list[Event]:
        if self._drops_space and text:
            self._drops_space = False
            text, start = (text[1:], start + 1) if text[0] == " " else (text, start)
        self._tokens.place(text, start)
        shown = self._stop.feed(text)
        return [TextDelta(shown, self._tokens.take(shown))] if shown else []


class _WaitingTokens:
    """Tokens with log-probabilities whose text is not shown yet. Those outside of the content are dropped."""

    def __init__(self) -> None:
        self._fed: list[tuple[int, TokenLogprob]] = []  # (where its text begins in all text, token)
        self._placed: list[tuple[int, TokenLogprob]] = []  # (where it begins in the content, token)
        self._content = 0
        self._shown = 0

    def add(self, start: int, token: TokenLogprob) -> None:
        self._fed.append((start, token))

    def place(self, text: str, start: int) -> None:
        """This text, which began at `start`, is content: the tokens in it belong to it."""
        if self._fed:
            end = start + len(text)
            within = [each for each in self._fed if each[0] < end]
            self._fed = self._fed[len(within) :]
            for i, (at, token) in enumerate(within):
                reaches = within[i + 1][0] if i + 1 < len(within) else end
                if at >= start or reaches > start:
                    self._placed.append((self._content + max(0, at - start), token))
        self._content += len(text)

    def take(self, shown: str) -> tuple[TokenLogprob, ...]:
        self._shown += len(shown)
        if not self._placed:
            return ()
        ready = tuple(token for at, token in self._placed if at < self._shown)
        self._placed = self._placed[len(ready) :]
        return ready

    def rest(self, *, has_parts: bool) -> tuple[TokenLogprob, ...]:
        """At the end: also those without text, unless they may belong to thinking or calls."""
        rest = [*self._placed, *([] if has_parts else self._fed)]
        self._placed, self._fed = [], []
        return tuple(token for _, token in rest)
