"""One reply in the making: tokens in, events out. Synchronous and free of threads."""

from modules.core.events import Event, Finished, FinishReason, PromptScored, TextDelta, Usage
from modules.engine.reading import PartReader
from modules.loaders.base import Sampled, Sequence, Tokenizer
from modules.text.detokenize import Detokenizer


class Generation:
    """Turns the tokens of one sequence into events: the parts of its text, the end and its reason."""

    def __init__(self, sequence: Sequence, tokenizer: Tokenizer) -> None:
        self.sequence = sequence
        self._tokenizer = tokenizer
        self._detokenizer = Detokenizer()
        request, layout = sequence.request, sequence.request.layout
        self._reader = PartReader(
            layout, request.stop, drops_leading_space=request.drops_leading_space
        )
        self._show_special = not request.skip_special_tokens
        self._marks = layout.marks if layout is not None else frozenset[str]()
        self.is_over = False
        self._completion_tokens = 0
        self._reasoning_tokens = 0
        if layout is not None:
            self._end_long_reasoning()

    @property
    def needs_model(self) -> bool:
        """Whether there is anything to compute: no tokens and no scores were asked for otherwise."""
        request = self.sequence.request
        return request.max_tokens > 0 or request.prompt_logprobs is not None

    def accept(self, sampled: Sampled, context_length: int) -> list[Event]:
        """Events of one new token; the last is Finished when the reply ends with it."""
        self._completion_tokens += 1
        if self._tokenizer.is_end(sampled.token_id):
            return [*self._end_scores(sampled), *self.finish("stop")]
        was_reasoning = self._reader.is_reasoning
        text = self._detokenizer.feed(self._piece(sampled.token_id))
        events = self._reader.feed(text, sampled.logprob)
        if was_reasoning or self._reader.is_reasoning:
            self._reasoning_tokens += 1
            self._end_long_reasoning()
        if self._reader.stop_string is not None:
            return [*events, self._finished("stop")]
        if self._is_complete():
            return [*events, *self.finish("stop")]
        if self._is_full(context_length):
            return [*events, *self.finish("length")]
        return events

    def _end_scores(self, sampled: Sampled) -> list[Event]:
        if not self.sequence.request.scores_end or sampled.logprob is None:
            return []
        return [TextDelta("", (sampled.logprob,))]

    def score(self) -> list[Event]:
        """The events of a prompt that was only to be scored."""
        return [*self.prompt_scores(), self._finished("length")]

    def prompt_scores(self) -> list[Event]:
        if self.sequence.request.prompt_logprobs is None or self._completion_tokens > 0:
            return []
        return [PromptScored(tuple(self.sequence.prompt_logprobs))]

    def finish(self, reason: FinishReason) -> list[Event]:
        """What was held back, then the end."""
        events = self._reader.finish(self._detokenizer.finish())
        return [*events, self._finished(reason)]

    def _piece(self, token_id: int) -> bytes:
        """Its bytes; a control token has some only if it is to be shown, or tells the parts of the reply apart."""
        piece = self._tokenizer.piece(token_id, special=self._show_special)
        if piece or not self._marks:
            return piece
        shown = self._tokenizer.piece(token_id, special=True)
        return shown if shown.decode(errors="replace") in self._marks else piece

    def _end_long_reasoning(self) -> None:
        """Past its bound the thinking is closed by force: the model finds the end mark written and goes on from it."""
        request = self.sequence.request
        layout, bound = request.layout, request.max_reasoning
        if layout is None or layout.reasoning is None or bound is None or self.sequence.forced:
            return
        if self._reader.is_reasoning and self._reasoning_tokens >= bound:
            mark = layout.reasoning.end
            ids = self._tokenizer.encode(mark, add_special=False, parse_special=True)
            self.sequence.forced.extend(ids)

    def _is_complete(self) -> bool:
        """Nothing more may follow: by the grammar, or because all the calls that are allowed were made."""
        constraint, request = self.sequence.constraint, self.sequence.request
        if constraint is not None and constraint.is_finished:
            return True
        return request.max_calls is not None and self._reader.calls >= request.max_calls

    def _finished(self, reason: FinishReason) -> Finished:
        self.is_over = True
        if reason == "stop" and self._reader.has_calls:
            reason = "tool_calls"
        return Finished(reason, self.usage, self._reader.stop_string)

    @property
    def usage(self) -> Usage:
        sequence = self.sequence
        return Usage(
            sequence.prompt_length,
            self._completion_tokens,
            sequence.cached_tokens,
            self._reasoning_tokens,
        )

    def _is_full(self, context_length: int) -> bool:
        return (
            self._completion_tokens >= self.sequence.request.max_tokens
            or len(self.sequence.tokens) >= context_length
        )
