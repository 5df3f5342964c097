"""Replies as messages on channels, each with a header: thinking, calls and content.

`<|channel|>CHANNEL [to=functions.NAME] [<|constrain|>json]<|message|>TEXT<|end|>`, then `<|start|>assistant` and the next one.
"""

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from modules.core.tools import Tool
from modules.text.call_formats.base import NAME_LIMIT, NotACall, PartSink
from modules.text.call_formats.json_text import comes_object, copy_value
from modules.text.call_formats.rules import Calls, Rules, joined, one_of, quoted, without
from modules.text.channels import ContentPart, ReasoningPart
from modules.text.source import Ended, Source, Wait, until

CHANNEL, MESSAGE, CONSTRAIN = "<|channel|>", "<|message|>", "<|constrain|>"
START, END, CALL, RETURN = "<|start|>", "<|end|>", "<|call|>", "<|return|>"
_ENDS = (END, CALL, RETURN, START)
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)")
_RECIPIENT = re.compile(r"to=functions\.([A-Za-z0-9_.-]+)")


@dataclass(frozen=True, slots=True)
class HarmonyMessages:
    @property
    def triggers(self) -> tuple[str, ...]:
        return (CHANNEL,)

    @property
    def marks(self) -> tuple[str, ...]:
        return (CHANNEL, MESSAGE, CONSTRAIN, START, END, CALL, RETURN)

    def read(self, source: Source, sink: PartSink, trigger: str) -> Wait:
        raise NotACall  # the whole reply is read by `read_reply`

    def read_reply(self, source: Source, sink: PartSink) -> Wait:
        """All messages of a reply. Text without a header is content."""
        while not source.is_over:
            yield from self._body(source, sink, (yield from self._header(source)))

    def _header(self, source: Source) -> Generator[None, None, str]:
        """The header of the message that begins here; empty when there is none."""
        source.keep()
        try:
            if (yield from self._begins_header(source)) is None:
                source.rewind()
                return ""
            source.rewind()
            source.keep()
            header, _ = yield from until(source, (MESSAGE,), limit=2 * NAME_LIMIT)
        except ValueError:
            source.rewind()
            return ""
        finally:
            source.release()
        return header

    def _begins_header(self, source: Source) -> Generator[None, None, str | None]:
        if source.position:  # between messages white space does not count
            try:
                yield from source.skip_space()
            except Ended:
                return None
        return (yield from source.next_of((CHANNEL, START, " to=", "to=")))

    def _body(self, source: Source, sink: PartSink, header: str) -> Wait:
        channel = _CHANNEL.search(header)
        is_thinking = channel is not None and channel[1] == "analysis"
        recipient = _RECIPIENT.search(header)
        if recipient is not None:
            is_thinking = False
            text = header + MESSAGE
            start = source.position - len(text)
            if not (yield from self._read_call(source, sink, recipient[1])):
                sink.put(ContentPart(text, start))
        sink.is_reasoning = is_thinking
        while True:
            start = source.position
            text, mark = source.ready(_ENDS)
            if text:
                sink.put(ReasoningPart(text) if is_thinking else ContentPart(text, start))
            if mark is not None or source.is_over:
                break
            yield
        sink.is_reasoning = False

    def _read_call(self, source: Source, sink: PartSink, name: str) -> Generator[None, None, bool]:
        """Whether it is one. The mark after a call ends the reply, and is not shown: the arguments say themselves where they end."""
        try:
            if not (yield from comes_object(source)):
                return False
            sink.start(name)
        except (NotACall, Ended):
            return False
        try:
            yield from copy_value(source, sink.arguments)
            sink.end()
            yield from source.skip_space()
        except Ended:
            pass
        return True

    def write(self, rules: Rules, tools: Sequence[Tool], *, is_many: bool) -> Calls:
        """One call: the model ends its turn with it, whatever is allowed."""
        return Calls("", one_of([self._call(rules, tool) for tool in tools]))

    def _call(self, rules: Rules, tool: Tool) -> str:
        header = (
            quoted(CHANNEL),
            quoted(f"commentary to=functions.{tool.name} "),
            quoted(CONSTRAIN),
            quoted("json"),
            quoted(MESSAGE),
        )
        return rules.add("named", joined((*header, rules.schema(tool.schema))))

    def write_reply(
        self, rules: Rules, calls: Calls | None, body: str | None, *, is_required: bool
    ) -> str:
        """Thinking and remarks as many as the model likes, then a call or the final message."""
        others = (CALL, RETURN, START, CHANNEL)
        channels = one_of((quoted("analysis"), quoted("commentary")))
        said = rules.until("said", END, excluded=others)
        after = (said, quoted(START), quoted("assistant"))
        message = rules.add("message", joined((quoted(CHANNEL), channels, quoted(MESSAGE), *after)))
        text = rules.terminal("text", without((END, *others)))
        final = joined((quoted(CHANNEL), quoted("final"), quoted(MESSAGE), body or text))
        ends = [calls.whole] if calls else []
        ends += [] if is_required else [f"({final})"]
        return f"{message}* {one_of(ends)}"
