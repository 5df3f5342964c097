"""Calls as JSON objects with name and arguments, alone, in a list, or one after the other, between two marks."""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

from modules.core.tools import Tool
from modules.text.call_formats.base import NotACall, PartSink
from modules.text.call_formats.json_text import read_call
from modules.text.call_formats.rules import SPACE, Calls, Rules, joined, one_of, quoted
from modules.text.source import Source, Wait

NAME_KEYS = ("name", "tool_name", "function")
ARGUMENT_KEYS = ("arguments", "parameters", "args")


@dataclass(frozen=True, slots=True)
class JsonCalls:
    """`opening` is a mark, empty when calls just begin; `closing` may be empty too.

    `layout`: one object between the marks, a list of objects, or objects with `between` between them. `name` and
    `arguments` are the keys that the family writes; those of other families are read as well.
    """

    opening: str
    closing: str = ""
    layout: Literal["object", "list", "objects"] = "object"
    name: str = "name"
    arguments: str = "arguments"
    between: str = "\n"

    @property
    def triggers(self) -> tuple[str, ...]:
        return (self.opening,) if self.opening else ()

    @property
    def marks(self) -> tuple[str, ...]:
        return tuple(mark for mark in (self.opening, self.closing) if mark)

    def read(self, source: Source, sink: PartSink, trigger: str) -> Wait:
        yield from source.skip_space()
        if (yield from source.peek()) == "[":
            yield from self._read_list(source, sink)
        else:
            yield from self._read_objects(source, sink)
        if self.closing:
            yield from source.skip_space()
            yield from source.is_next(self.closing.strip())

    def _read_list(self, source: Source, sink: PartSink) -> Wait:
        yield from source.take()
        while True:
            yield from source.skip_space()
            char = yield from source.peek()
            if char == "{":
                yield from read_call(source, sink, NAME_KEYS, ARGUMENT_KEYS)
            elif char in ",]":
                yield from source.take()
                if char == "]":
                    return
            else:
                raise NotACall

    def _read_objects(self, source: Source, sink: PartSink) -> Wait:
        yield from read_call(source, sink, NAME_KEYS, ARGUMENT_KEYS)
        while self.layout == "objects":
            if not (yield from _another(source)):
                return
            yield from read_call(source, sink, NAME_KEYS, ARGUMENT_KEYS)

    def write(self, rules: Rules, tools: Sequence[Tool], *, is_many: bool) -> Calls:
        one = rules.add("object", one_of([self._object(rules, tool) for tool in tools]))
        if self.layout == "object":
            rest = rules.add("call", self._closed(one))
            again = f" ({SPACE} {quoted(self.opening)} {rest})*" if is_many else ""
            return Calls(self.opening, rest + again)
        between = "/, ?/" if self.layout == "list" else quoted(self.between)
        items = f"{one} ({between} {one})*" if is_many else one
        if self.layout == "list":
            items = f'"[" {items} "]"'
        return Calls(self.opening, self._closed(items))

    def _closed(self, inside: str) -> str:
        before = SPACE if self.opening else ""
        after = (SPACE, quoted(self.closing)) if self.closing else ()
        return joined((before, inside, *after))

    def _object(self, rules: Rules, tool: Tool) -> str:
        arguments = rules.schema(tool.schema)
        start = f'/\\{{ ?"{self.name}": ?/ {quoted(json.dumps(tool.name))}'
        return rules.add("object", f'{start} /, ?"{self.arguments}": ?/ {arguments} /[ \\n]?\\}}/')


def _another(source: Source) -> Generator[None, None, bool]:
    """Whether one more object follows, after `;`, `,` or white space."""
    yield from source.skip_space()
    while (yield from source.peek()) in ";,":
        yield from source.take()
        yield from source.skip_space()
    return (yield from source.peek()) == "{"
