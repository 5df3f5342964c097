"""Calls written as Python: `[f(a=1, b="x"), g()]`."""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from modules.core.tools import Tool
from modules.text.call_formats.base import NAME_LIMIT, NotACall, PartSink
from modules.text.call_formats.python_values import copy_python_value
from modules.text.call_formats.rules import Calls, Rules, joined, one_of, quoted
from modules.text.source import Ended, Source, Wait

_VALUE_STARTS = "\"'[{-0123456789"


@dataclass(frozen=True, slots=True)
class PythonCalls:
    """`opening` and `closing` marks stand around; with `is_list` the calls are the items of a list."""

    opening: str = ""
    closing: str = ""
    is_list: bool = True

    @property
    def triggers(self) -> tuple[str, ...]:
        return (self.opening,) if self.opening else ()

    @property
    def marks(self) -> tuple[str, ...]:
        return tuple(mark.strip() for mark in (self.opening, self.closing) if mark.strip())

    def read(self, source: Source, sink: PartSink, trigger: str) -> Wait:
        yield from source.skip_space()
        is_list = yield from source.is_next("[")
        if self.is_list and not is_list:
            raise NotACall
        while True:
            yield from source.skip_space()
            yield from self._read_call(source, sink)
            yield from source.skip_space()
            has_comma = yield from source.is_next(",")
            if not has_comma and (is_list or not (yield from self._has_more(source))):
                break
        yield from source.is_next("]")
        if self.closing:
            yield from source.skip_space()
            yield from source.is_next(self.closing.strip())

    def _has_more(self, source: Source) -> Generator[None, None, bool]:
        """Without a list the calls may stand on lines of their own."""
        try:
            return (yield from source.peek()).isidentifier()
        except Ended:
            return False

    def _read_call(self, source: Source, sink: PartSink, *, is_inner: bool = False) -> Wait:
        name = (yield from _word(source, "(")).removeprefix("default_api.")
        if name == "print" and not is_inner:
            yield from source.skip_space()
            yield from self._read_call(source, sink, is_inner=True)
            yield from source.skip_space()
            yield from source.is_next(")")
            return
        tool = sink.start(name)
        names = list(cast("Mapping[str, Any]", tool.schema.get("properties", {})))
        sink.arguments("{")
        is_first = True
        while True:
            yield from source.skip_space()
            if (yield from source.is_next(")")):
                break
            if not is_first and not (yield from source.is_next(",")):
                raise NotACall
            yield from source.skip_space()
            if (yield from source.is_next(")")):
                break
            if not names and (yield from source.peek()) in _VALUE_STARTS:
                raise NotACall
            is_positional = (yield from source.peek()) in _VALUE_STARTS
            key = names[0] if is_positional else (yield from _word(source, "="))
            names = [name for name in names if name != key]
            sink.arguments(("" if is_first else ", ") + json.dumps(key, ensure_ascii=False) + ": ")
            yield from copy_python_value(source, sink.arguments)
            is_first = False
        sink.arguments("}")
        sink.end()

    def write(self, rules: Rules, tools: Sequence[Tool], *, is_many: bool) -> Calls:
        call = rules.add("call", one_of([_call(rules, tool) for tool in tools]))
        calls = f"{call} (/, ?/ {call})*" if is_many else call
        if self.is_list:
            calls = f'"[" {calls} "]"'
        return Calls(self.opening, joined((calls, quoted(self.closing))))


def _word(source: Source, end: str) -> Generator[None, None, str]:
    letters: list[str] = []
    for _ in range(NAME_LIMIT):
        char = yield from source.take()
        if char == end:
            return "".join(letters).strip()
        if not (char.isalnum() or char in "_-. "):
            raise NotACall
        letters.append(char)
    raise NotACall


def _call(rules: Rules, tool: Tool) -> str:
    schema = cast("dict[str, Any]", tool.schema)
    required = list(cast("Sequence[str]", schema.get("required", ())))
    properties = cast("Mapping[str, Any]", schema.get("properties", {}))
    names = [name for name in properties if name in required]
    optional = [name for name in properties if name not in required]
    values = {
        name: f"{quoted(name + '=')} {_expression(rules, properties[name])}" for name in properties
    }
    inside = rules.in_order(
        [values[name] for name in names], [values[name] for name in optional], _COMMA
    )
    return rules.add("named", joined((quoted(tool.name), '"("', inside, '")"')))


_COMMA = "/, ?/"


def _expression(rules: Rules, schema: Any) -> str:
    if isinstance(schema, dict) and cast("dict[str, Any]", schema).get("type") == "boolean":
        return '("True" | "False")'
    return rules.schema(schema)
