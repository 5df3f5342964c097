"""The reader of replies: feeds what comes to a coroutine that reads thinking, content and calls."""

from collections.abc import Generator, Sequence

from modules.core.tools import ReplyLayout
from modules.text.call_formats import find_format
from modules.text.call_formats.base import NotACall, PartSink
from modules.text.call_formats.harmony_messages import HarmonyMessages
from modules.text.channels import ContentPart, ReasoningPart, ReplyPart
from modules.text.source import Ended, Source, Wait

REREAD_LIMIT = 512
"""Characters that looked like a call and are searched for calls once more; what is longer is content as it is."""


class ReplySplitter:
    """`feed` text as it comes, in pieces of any size; `finish` at the end. Neither ever raises.

    Every character is looked at once, but for the beginning of what looked like a call and was none. Text that cannot be read as
    a call stays content, markup included. White space before a call is dropped, and blank lines after thinking and calls, unless text stands on both sides; content itself is untouched.
    """

    def __init__(self, layout: ReplyLayout, *, holds_space: bool = True) -> None:
        """`holds_space`: white space waits until it is sure that no call follows, before which it is no content."""
        self._layout = layout
        self._format = find_format(layout.tool_format) if layout.tool_format else None
        self._triggers = (
            self._format.syntax.triggers if self._format is not None and layout.tools else ()
        )
        self._silent = self._format.silent if self._format is not None else ()
        self._source = Source()
        self._sink = PartSink(layout.tools, on_start=self._source.release, on_end=self._source.keep)
        self._holds_space = holds_space
        self._sink.is_reasoning = layout.starts_in_reasoning
        self._reader = self._read()
        self._is_over = False
        self._held: list[str] = []  # white space that may be content
        self._is_after_markup = False  # nothing but white space since thinking or a call
        self._has_content = False

    @property
    def is_reasoning(self) -> bool:
        """Whether text that is fed now would be thinking."""
        return self._sink.is_reasoning

    def feed(self, text: str) -> list[ReplyPart]:
        self._source.push(text)
        return self._advance()

    def finish(self) -> list[ReplyPart]:
        """What was held back."""
        self._source.close()
        return self._advance()

    def _advance(self) -> list[ReplyPart]:
        if not self._is_over:
            try:
                next(self._reader)
            except StopIteration:
                self._is_over = True
        return self._sink.take()

    def _read(self) -> Wait:
        if self._format is not None and isinstance(self._format.syntax, HarmonyMessages):
            try:
                yield from self._format.syntax.read_reply(self._source, self._sink)
            except Ended:
                return
        yield from self._read_beginning()
        while not self._source.is_over:
            yield from self._read_content()

    def _read_beginning(self) -> Wait:
        """Thinking, and calls of formats that begin without a mark."""
        marks = self._layout.reasoning
        if marks is not None:
            if self._layout.starts_in_reasoning:
                yield from self._read_thinking(marks.end, skips=marks.start)
            elif (yield from self._comes_after_space((marks.start, marks.end))) == marks.start:
                yield from self._read_thinking(marks.end, skips="")
        if self._format is not None and self._layout.tools and not self._triggers:
            yield from self._read_calls("")

    def _comes_after_space(self, texts: Sequence[str]) -> Generator[None, None, str | None]:
        """The one of `texts` that comes first, after white space at most; taken when it does, else nothing is."""
        self._source.keep()
        found = None
        try:
            yield from self._source.skip_space()
            found = yield from self._source.next_of(texts)
        except Ended:
            pass
        if found is None:
            self._source.rewind()
        self._source.release()
        return found

    def _read_thinking(self, end: str, skips: str) -> Wait:
        self._sink.is_reasoning = True
        if skips:
            yield from self._comes_after_space((skips,))
        held: list[str] = []  # white space that is dropped at the end of the thinking
        is_first = True
        while True:
            text, mark = self._source.ready((end,))
            shown = text.rstrip()
            if shown:
                shown = "".join(held) + shown
                held.clear()
                self._sink.put(ReasoningPart(shown.lstrip("\n") if is_first else shown))
                is_first = False
            held.append(text[len(text.rstrip()) :])
            if mark is not None or self._source.is_over:
                break
            yield
        self._sink.is_reasoning = False
        self._is_after_markup = True

    def _read_content(self) -> Wait:
        """Up to the next call, or to the end."""
        while True:
            start = self._source.position
            text, mark = self._source.ready((*self._triggers, *self._silent))
            self._put_content(text, start)
            if mark is not None:
                break
            if self._source.is_over:
                self._put_held()
                return
            yield
        if mark in self._triggers:
            yield from self._read_calls(mark)

    def _put_content(self, text: str, start: int) -> None:
        """White space at the end waits, since before a call it is no content; after a mark it waits too."""
        holds = (self._triggers and self._holds_space) or self._is_after_markup
        shown = text.rstrip() if holds else text
        if not shown:
            self._held.append(text)
            return
        whole = "".join(self._held) + shown
        self._held = [text[len(shown) :]]
        if self._is_after_markup and not self._has_content:
            whole = _without_blank_lines(whole)
        self._is_after_markup, self._has_content = False, True
        self._sink.put(ContentPart(whole, start + len(shown) - len(whole)))

    def _put_held(self) -> None:
        held = "".join(self._held)
        if held and not self._is_after_markup:
            self._sink.put(ContentPart(held, self._source.position - len(held)))
        self._held.clear()

    def _read_calls(self, trigger: str) -> Wait:
        """A section of calls."""
        if self._format is None:
            return
        calls = self._sink.calls
        source = self._source
        trigger_at = source.position - len(trigger)
        source.keep()
        try:
            yield from self._format.syntax.read(source, self._sink, trigger)
        except (NotACall, Ended) as fault:
            if self._sink.calls == calls:
                read = source.rewind(at_most=REREAD_LIMIT)
                self._put_content(trigger + read, trigger_at)
                return
            if isinstance(fault, NotACall):
                self._give_back_rest()
                return
        finally:
            source.release()
        self._held.clear()
        self._is_after_markup = True

    def _give_back_rest(self) -> None:
        """After good calls comes what is none: it is content, unless it belongs to a call that has begun."""
        self._held.clear()
        self._is_after_markup = True
        self._sink.end_whole()
        if self._source.is_kept:
            read = self._source.rewind(at_most=REREAD_LIMIT)
            self._put_content(read, self._source.position - len(read))


def _without_blank_lines(text: str) -> str:
    """Without white space at the beginning, but for what indents the first line that has text."""
    bare = text.lstrip()
    space = text[: len(text) - len(bare)]
    return space[space.rfind("\n") + 1 :] + bare if "\n" in space else bare
