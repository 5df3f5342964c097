"""Calls as `call:NAME{key:value,…}`, with keys as they are and texts between marks. Google's newer models write them."""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from modules.core.tools import Tool
from modules.text.call_formats.base import NAME_LIMIT, NotACall, PartSink
from modules.text.call_formats.python_values import to_json
from modules.text.call_formats.rules import Calls, Rules, joined, literal, one_of, quoted
from modules.text.source import Source, Wait, until

MAX_DEPTH = 32
COMMA = '","'


@dataclass(frozen=True, slots=True)
class BraceCalls:
    """`quote` stands on both sides of each text, which has no escapes."""

    opening: str
    closing: str
    quote: str

    @property
    def triggers(self) -> tuple[str, ...]:
        return (self.opening,)

    @property
    def marks(self) -> tuple[str, ...]:
        return (self.opening, self.closing, self.quote)

    def read(self, source: Source, sink: PartSink, trigger: str) -> Wait:
        yield from source.skip_space()
        if not (yield from source.is_next("call:")):
            raise NotACall
        try:
            name, _ = yield from until(source, ("{",), limit=NAME_LIMIT)
        except ValueError:
            raise NotACall from None
        sink.start(name.strip())
        yield from self._read_object(source, sink, 1)
        sink.end()
        yield from source.skip_space()
        yield from source.is_next(self.closing)

    def _read_object(self, source: Source, sink: PartSink, depth: int) -> Wait:
        """The rest of an object whose brace was taken."""
        sink.arguments("{")
        has_more = yield from _has_first(source, "}")
        while has_more:
            key = yield from self._key(source)
            sink.arguments(json.dumps(key, ensure_ascii=False) + ": ")
            yield from self._read_value(source, sink, depth)
            has_more = yield from _has_next(source, sink, "}")
        sink.arguments("}")

    def _read_list(self, source: Source, sink: PartSink, depth: int) -> Wait:
        sink.arguments("[")
        has_more = yield from _has_first(source, "]")
        while has_more:
            yield from self._read_value(source, sink, depth)
            has_more = yield from _has_next(source, sink, "]")
        sink.arguments("]")

    def _key(self, source: Source) -> Generator[None, None, str]:
        try:
            key, _ = yield from until(source, (":",), limit=NAME_LIMIT)
        except ValueError:
            raise NotACall from None
        return key.strip().removeprefix(self.quote).removesuffix(self.quote)

    def _read_value(self, source: Source, sink: PartSink, depth: int) -> Wait:
        if depth > MAX_DEPTH:
            raise NotACall
        yield from source.skip_space()
        if (yield from source.is_next(self.quote)):
            yield from self._read_text(source, sink)
        elif (yield from source.is_next("{")):
            yield from self._read_object(source, sink, depth + 1)
        elif (yield from source.is_next("[")):
            yield from self._read_list(source, sink, depth + 1)
        else:
            sink.arguments(to_json((yield from _bare(source))))

    def _read_text(self, source: Source, sink: PartSink) -> Wait:
        sink.arguments('"')
        while True:
            text, mark = source.ready((self.quote,), is_cut=True)
            sink.arguments(json.dumps(text, ensure_ascii=False)[1:-1])
            if mark is not None:
                break
            if source.is_over:
                return
            yield
        sink.arguments('"')

    def write(self, rules: Rules, tools: Sequence[Tool], *, is_many: bool) -> Calls:
        one = one_of([self._call(rules, tool) for tool in tools])
        call = rules.add("call", f"{one} {literal(self.closing)}")
        more = f" ({literal(self.opening)} {call})*" if is_many else ""
        return Calls(self.opening, call + more)

    def _call(self, rules: Rules, tool: Tool) -> str:
        values = _BraceValues(rules, self.quote)
        return rules.add("named", f"{quoted(f'call:{tool.name}')} {values.object(tool.schema)}")


class _BraceValues:
    """Rules for the values of a schema. What it says beyond types, choices and lengths is left to the model."""

    def __init__(self, rules: Rules, quote: str) -> None:
        self._rules = rules
        self._quote = quote
        self._any = ""

    def object(self, schema: Any, depth: int = 0) -> str:
        """With the properties in their order: those that are required, then the others."""
        known = cast("Mapping[str, Any]", schema if isinstance(schema, dict) else {})
        properties = cast("Mapping[str, Any]", known.get("properties") or {})
        required = set(cast("Sequence[str]", known.get("required") or ()))
        pairs = [
            (f"{quoted(name + ':')} {self._value(each, depth + 1)}", name in required)
            for name, each in properties.items()
        ]
        inside = self._rules.in_order(
            [pair for pair, is_needed in pairs if is_needed],
            [pair for pair, is_needed in pairs if not is_needed],
            COMMA,
        )
        return joined(('"{"', inside, '"}"'))

    def _value(self, schema: Any, depth: int) -> str:
        known = cast("dict[str, Any]", schema) if isinstance(schema, dict) else {}
        if "enum" in known:
            return one_of([self._choice(each) for each in cast("Sequence[Any]", known["enum"])])
        match known.get("type"):
            case "string":
                return self._text()
            case "integer" | "number" | "boolean" | "null":
                return self._rules.schema(known)
            case "array" if depth < MAX_DEPTH:
                return self._list(known, depth)
            case "object" if known.get("properties") and depth < MAX_DEPTH:
                return self.object(known, depth)
            case _:
                return self._anything()

    def _choice(self, value: Any) -> str:
        if isinstance(value, str):
            return f"{literal(self._quote)} {quoted(value)} {literal(self._quote)}"
        return quoted(json.dumps(value))

    def _text(self) -> str:
        return f"{literal(self._quote)} {self._rules.until('value', self._quote)}"

    def _list(self, schema: Mapping[str, Any], depth: int) -> str:
        item = self._rules.add("item", self._value(schema.get("items"), depth + 1))
        least, most = int(schema.get("minItems", 0)), schema.get("maxItems")
        if most == 0:
            return '"[]"'
        more = f"({COMMA} {item}){{{max(least - 1, 0)},{'' if most is None else int(most) - 1}}}"
        return f'"[" ({item} {more}){"?" if least == 0 else ""} "]"'

    def _anything(self) -> str:
        if not self._any:
            self._any = self._rules.add("anything", self._anything_else())
        return self._any

    def _anything_else(self) -> str:
        """Texts, numbers and lists of them: enough where the schema leaves it open."""
        simple = {"type": ["number", "boolean", "null"]}
        scalar = self._rules.add("scalar", one_of([self._text(), self._rules.schema(simple)]))
        pair = self._rules.add("pair", rf"/[A-Za-z_][A-Za-z0-9_]{{0,63}}:/ {scalar}")
        items = f'"[" ({scalar} ({COMMA} {scalar})*)? "]"'
        pairs = f'"{{" ({pair} ({COMMA} {pair})*)? "}}"'
        return one_of([scalar, items, pairs])


def _has_first(source: Source, end: str) -> Generator[None, None, bool]:
    yield from source.skip_space()
    return not (yield from source.is_next(end))


def _has_next(source: Source, sink: PartSink, end: str) -> Generator[None, None, bool]:
    """Takes the comma or the end."""
    yield from source.skip_space()
    if (yield from source.is_next(end)):
        return False
    if not (yield from source.is_next(",")):
        raise NotACall
    sink.arguments(", ")
    yield from source.skip_space()
    return True


def _bare(source: Source) -> Generator[None, None, str]:
    letters: list[str] = []
    for _ in range(NAME_LIMIT):
        if (yield from source.peek()) in ",}]":
            return "".join(letters)
        letters.append((yield from source.take()))
    raise NotACall
