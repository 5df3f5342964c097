"""Calls as a name, a mark, and the arguments as JSON."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from modules.core.tools import Tool
from modules.text.call_formats.base import NAME_LIMIT, NotACall, PartSink
from modules.text.call_formats.json_text import comes_object, copy_value
from modules.text.call_formats.rules import (
    SPACE,
    Calls,
    Rules,
    joined,
    literal,
    one_of,
    quoted,
    tags_in,
)
from modules.text.source import Source, Wait, until


@dataclass(frozen=True, slots=True)
class NamedCalls:
    """`SECTION OPENING before NAME after MIDDLE {…} CLOSING … SECTION_END`; parts may be empty.

    `middles`: marks between name and arguments; the first is the one that is written. `before` and `after` are plain text around the name (`functions.` and `:0`),
    and what stands around the name is also tolerated where it is missing.
    """

    opening: str
    middles: tuple[str, ...]
    closing: tuple[str, ...] = ()
    section: str = ""
    section_end: str = ""
    before: str = ""
    after: str = ""

    @property
    def triggers(self) -> tuple[str, ...]:
        return (self.section, self.opening) if self.section else (self.opening,)

    @property
    def marks(self) -> tuple[str, ...]:
        return tags_in(*self.triggers, *self.middles, *self.closing, self.section_end)

    def read(self, source: Source, sink: PartSink, trigger: str) -> Wait:
        is_open = trigger == self.opening
        before = sink.calls
        while True:
            if not is_open:
                yield from source.skip_space()
                if self.section_end and (yield from source.is_next(self.section_end)):
                    return
                if not (yield from source.is_next(self.opening)):
                    if sink.calls == before:
                        raise NotACall
                    return
            yield from self._read_one(source, sink)
            is_open = False
            if not self.section:
                return

    def _read_one(self, source: Source, sink: PartSink) -> Wait:
        name = self._bare((yield from self._name(source)))
        if not (yield from comes_object(source)):
            raise NotACall
        sink.start(name)
        yield from copy_value(source, sink.arguments)
        sink.end()
        yield from source.skip_space()
        yield from source.next_of([mark.strip() for mark in self.closing])
        if len(self.closing) > 1:  # a fence, then a mark
            yield from source.skip_space()
            yield from source.next_of([mark.strip() for mark in self.closing])

    def _name(self, source: Source) -> Generator[None, None, str]:
        """Up to the first middle; another middle than that has an id after it."""
        try:
            name, mark = yield from until(source, self.middles, limit=NAME_LIMIT)
            if mark.strip() != self.middles[0].strip():
                yield from until(source, self.middles[:1], limit=NAME_LIMIT)
        except ValueError:
            raise NotACall from None
        return name

    def _bare(self, name: str) -> str:
        name = name.strip().removeprefix(self.before)
        return name.rpartition(":")[0] if self.after and ":" in name else name

    def write(self, rules: Rules, tools: Sequence[Tool], *, is_many: bool) -> Calls:
        opening = literal(self.opening)
        rest = rules.add("call", one_of([self._call(rules, tool) for tool in tools]))
        more = f" ({SPACE} {joined((opening, rest))})*" if is_many else ""
        if not self.section:
            return Calls(self.opening, rest + more)
        inside = joined((SPACE, opening, rest)) + more
        return Calls(self.section, joined((inside, SPACE, quoted(self.section_end))))

    def _call(self, rules: Rules, tool: Tool) -> str:
        """All but the opening."""
        parts = [
            literal(self.before),
            quoted(tool.name),
            *([r"/:[0-9]{1,3}/"] if self.after else []),
            literal(self.middles[0]),
            rules.schema(tool.schema),
            *map(literal, self.closing),
        ]
        return rules.add("named", joined(parts))
