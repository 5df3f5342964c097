"""One reply in the making: tokens in, events out. Synchronous and free of threads."""

from modules.core.events import (
    Event,
    Finished,
    FinishReason,
    PromptScored,
    TextDelta,
    TokenLogprob,
    Usage,
)
from modules.loaders.base import Sampled, Sequence, Tokenizer
from modules.text.detokenize import Detokenizer
from modules.text.stop import StopMatcher


class Generation:
    """Turns the tokens of one sequence into events: text, stop strings, the end and its reason."""

    def __init__(self, sequence: Sequence, tokenizer: Tokenizer) -> None:
        self.sequence = sequence
        self._tokenizer = tokenizer
        self._detokenizer = Detokenizer()
        self._stop = StopMatcher(sequence.request.stop)
        self._show_special = not sequence.request.skip_special_tokens
        self.is_over = False
        self._completion_tokens = 0
        self._fed_chars = 0
        self._shown_chars = 0
        self._waiting: list[tuple[int, TokenLogprob]] = []  # (where its text begins, logprob)

    @property
    def needs_model(self) -> bool:
        """Whether there is anything to compute: no tokens and no scores were asked for otherwise."""
        request = self.sequence.request
        return request.max_tokens > 0 or request.prompt_logprobs is not None

    def accept(self, sampled: Sampled, context_length: int) -> list[Event]:
        """Events of one new token; the last is Finished when the reply ends with it."""
        self._completion_tokens += 1
        if self._tokenizer.is_end(sampled.token_id):
            return self.finish("stop")
        if sampled.logprob is not None:
            self._waiting.append((self._fed_chars, sampled.logprob))
        piece = self._tokenizer.piece(sampled.token_id, special=self._show_special)
        text = self._detokenizer.feed(piece)
        self._fed_chars += len(text)
        events = self._show(self._stop.feed(text))
        if self._stop.matched is not None:
            return [*events, self._finished("stop")]
        constraint = self.sequence.constraint
        if constraint is not None and constraint.is_finished:
            return [*events, *self.finish("stop")]
        if self._is_full(context_length):
            return [*events, *self.finish("length")]
        return events

    def score(self) -> list[Event]:
        """The events of a prompt that was only to be scored."""
        return [*self.prompt_scores(), self._finished("length")]

    def prompt_scores(self) -> list[Event]:
        if self.sequence.request.prompt_logprobs is None or self._completion_tokens > 0:
            return []
        return [PromptScored(tuple(self.sequence.prompt_logprobs))]

    def finish(self, reason: FinishReason) -> list[Event]:
        """What was held back, then the end."""
        text = self._stop.feed(self._detokenizer.finish()) + self._stop.finish()
        rest = tuple(logprob for _, logprob in self._waiting)
        events: list[Event] = [TextDelta(text, rest)] if text or rest else []
        return [*events, self._finished(reason)]

    def _show(self, text: str) -> list[Event]:
        if not text:
            return []
        self._shown_chars += len(text)
        if not self._waiting:
            return [TextDelta(text)]
        ready = tuple(lp for start, lp in self._waiting if start < self._shown_chars)
        self._waiting = self._waiting[len(ready) :]
        return [TextDelta(text, ready)]

    def _finished(self, reason: FinishReason) -> Finished:
        self.is_over = True
        return Finished(reason, self.usage, self._stop.matched)

    @property
    def usage(self) -> Usage:
        sequence = self.sequence
        return Usage(sequence.prompt_length, self._completion_tokens, sequence.cached_tokens)

    def _is_full(self, context_length: int) -> bool:
        return (
            self._completion_tokens >= self.sequence.request.max_tokens
            or len(self.sequence.tokens) >= context_length
        )
