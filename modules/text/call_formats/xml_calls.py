"""Calls as tags, one for each argument; the values are plain text, and the schema says what they mean."""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from modules.core.tools import Tool
from modules.text.call_formats.base import NAME_LIMIT, NotACall, PartSink
from modules.text.call_formats.python_values import to_json
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

VALUE_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class XmlCalls:
    """`OPENING call NAME call_end  (key KEY key_end VALUE value_end)*  call_close CLOSING`.

    Of alternatives the first is the one that is written. `call_end` may be empty: then the first key or the end ends the name.
    """

    opening: str
    call: str
    call_ends: tuple[str, ...]
    key: str
    key_ends: tuple[str, ...]
    value_ends: tuple[str, ...]
    call_close: str
    closing: str
    has_many: bool = False

    @property
    def triggers(self) -> tuple[str, ...]:
        return (self.opening,)

    @property
    def marks(self) -> tuple[str, ...]:
        parts = (
            self.opening,
            self.call,
            self.key,
            *self.key_ends,
            *self.value_ends,
            self.call_close,
            self.closing,
        )
        return tags_in(*parts)

    def read(self, source: Source, sink: PartSink, trigger: str) -> Wait:
        before = sink.calls
        while True:
            yield from source.skip_space()
            if self.call and not (yield from source.is_next(self.call)):
                if sink.calls == before:
                    raise NotACall
                break
            yield from self._read_call(source, sink)
            if not self.has_many:
                break
        yield from source.skip_space()
        yield from source.is_next(self.closing)

    def _read_call(self, source: Source, sink: PartSink) -> Wait:
        end = self.call_close or self.closing
        name, mark = yield from _until(source, (*self.call_ends, self.key, end))
        tool = sink.start(name.strip().strip('"'))
        sink.arguments("{")
        is_first = True
        while mark != end:
            if mark == self.key:
                sink.arguments("" if is_first else ", ")
                is_first = False
                yield from self._read_argument(source, sink, tool)
            yield from source.skip_space()
            found = yield from source.next_of((self.key, end))
            if found is None:
                raise NotACall
            mark = found
        sink.arguments("}")
        sink.end()

    def _read_argument(self, source: Source, sink: PartSink, tool: Tool) -> Wait:
        key, end = yield from _until(source, self.key_ends)
        name = key.split('"')[0].strip()
        sink.arguments(json.dumps(name, ensure_ascii=False) + ": ")
        if 'string="true"' in end or _is_text(_schema_of(tool, name)):
            yield from self._copy_text(source, sink)
        else:
            value, _ = yield from _until(source, self.value_ends, VALUE_LIMIT)
            sink.arguments(to_json(value))

    def _copy_text(self, source: Source, sink: PartSink) -> Wait:
        sink.arguments('"')
        while True:
            text, mark = source.ready(self.value_ends, is_cut=True)
            sink.arguments(json.dumps(text, ensure_ascii=False)[1:-1])
            if mark is not None:
                break
            if source.is_over:
                return
            yield
        sink.arguments('"')

    def write(self, rules: Rules, tools: Sequence[Tool], *, is_many: bool) -> Calls:
        one = rules.add("one", one_of([self._call(rules, tool) for tool in tools]))
        closing = (SPACE, literal(self.closing))
        if self.has_many:
            calls = f"{one} ({SPACE} {one})*" if is_many else one
            return Calls(self.opening, joined((SPACE, calls, *closing)))
        rest = rules.add("call", joined((SPACE, one, *closing)))
        more = f" ({SPACE} {literal(self.opening)} {rest})*" if is_many else ""
        return Calls(self.opening, rest + more)

    def _call(self, rules: Rules, tool: Tool) -> str:
        schema = cast("dict[str, Any]", tool.schema)
        required = cast("Sequence[str]", schema.get("required", ()))
        arguments = [
            self._argument(rules, name, _schema_of(tool, name), is_required=name in required)
            for name in cast("Mapping[str, Any]", schema.get("properties", {}))
        ]
        name = [literal(self.call)] if self.call else []
        parts = (
            *name,
            quoted(tool.name),
            literal(self.call_ends[0]),
            *arguments,
            literal(self.call_close),
        )
        return rules.add("named", joined(parts))

    def _argument(self, rules: Rules, name: str, schema: Any, *, is_required: bool) -> str:
        end = [literal(self.value_ends[0]), SPACE]
        if _is_free_text(schema):
            value = rules.until("value", self.value_ends[0], excluded=self.value_ends[1:])
            end = [SPACE]
        elif _is_text(schema):
            value = one_of([quoted(str(each)) for each in cast("Sequence[object]", schema["enum"])])
        else:
            value = rules.schema(schema)
        parts = (
            literal(self.key),
            quoted(name),
            literal(self._key_end(_is_text(schema))),
            value,
            *end,
        )
        rule = rules.add("argument", joined(parts))
        return rule if is_required else f"{rule}?"

    def _key_end(self, is_text: bool) -> str:
        """One family says in the tag whether the value is a text."""
        says = f'string="{str(is_text).lower()}"'
        return next((end for end in self.key_ends if says in end), self.key_ends[0])


def _until(
    source: Source, marks: Sequence[str], limit: int = NAME_LIMIT
) -> Generator[None, None, tuple[str, str]]:
    try:
        return (yield from until(source, [mark for mark in marks if mark], limit=limit))
    except ValueError:
        raise NotACall from None


def _schema_of(tool: Tool, name: str) -> Any:
    properties = tool.schema.get("properties")
    return cast("dict[str, Any]", properties).get(name, {}) if isinstance(properties, dict) else {}


def _is_text(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    known = cast("dict[str, Any]", schema)
    values = known.get("enum")
    if isinstance(values, list):
        return all(isinstance(each, str) for each in cast("list[object]", values))
    return known.get("type") == "string"


def _is_free_text(schema: Any) -> bool:
    return _is_text(schema) and "enum" not in schema
