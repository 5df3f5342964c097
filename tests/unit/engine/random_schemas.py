"""Random JSON schemas, each with values that satisfy it, and the judge of replies."""

import ipaddress
import json
import re
import string
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import extend

Sample = tuple[Any, list[Any]]
"""A schema and values that satisfy it, with their properties in the order of the schema."""

ANNOTATIONS = {"title": "T", "description": "d", "examples": [1], "$comment": "c", "deprecated": True}  # fmt: skip
PATTERNS = (
    r"^[a-c]{2,4}$", r"\d", r"^(yes|no)!?$", r"^[A-Z][a-z]*( [A-Z][a-z]*)*$", r"^\d{3}-\d{2}$", r"^[^\"\\]+$",
    r"^\p{Lu}?x$", r"^a?b*$", r"^[\w.+-]+@\w+\.(com|org)$", r"é|ü", r"^.{0,5}$", r"^[[\]&&~-]{1,3}$",
)  # fmt: skip
FORMATS: dict[str, list[str]] = {
    "date": ["2024-02-29", "1999-12-31", "0001-01-01", "2000-02-29"],
    "date-time": ["2024-02-29T23:59:59Z", "1985-04-12T23:20:50.52Z", "1996-12-19T16:39:57-08:00"],
    "time": ["23:59:59Z", "08:30:06.283185+00:20"],
    "email": ["joe.bloggs@example.com", "a+b@c.org"],
    "uuid": ["2EB8AA08-aa98-11ea-b4aa-73b441d16380"],
    "ipv4": ["192.168.0.1", "255.255.255.255", "0.0.0.0"],
    "ipv6": ["::1", "12:34::56", "1:2:3:4:5:6:7:8"],
    "uri": ["http://foo.bar/?baz=qux#quux", "urn:oasis:names", "mailto:a@b.c"],
    "hostname": ["example.com", "a-b.c"],
    "duration": ["P4DT12H30M5S", "PT1M", "P3W"],
    "json-pointer": ["", "/foo/0", "/a~1b/~0"],
}
NAMES = ["a", "b", "name", "über", 'q"uote', "with space", "$ref", "x/y", "n\n", "c"]
_LETTERS = st.characters(codec="ascii", exclude_categories=["C"]) | st.sampled_from("éü")
WORDS = st.text(alphabet=string.ascii_letters + ' éß😀"\\\n/', max_size=6)


def _one_of(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


@st.composite
def texts(draw: st.DrawFn) -> Sample:
    kind = draw(_one_of(["free", "lengths", "pattern", "format", "both"]))
    if kind == "free":
        return {"type": "string"}, [draw(WORDS) for _ in range(2)]
    if kind == "lengths":
        least, more = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        sizes = {"minLength": least, "maxLength": least + more}
        return {"type": "string", **sizes}, [
            draw(st.text("aé😀\n", min_size=least, max_size=least + more))
        ]
    if kind == "format":
        name = draw(_one_of(list(FORMATS)))
        return {"type": "string", "format": name}, FORMATS[name]
    if kind == "both":
        return {"type": "string", "pattern": "^[ab]+$", "minLength": 2, "maxLength": 4}, [
            "ab",
            "aaaa",
        ]
    pattern = draw(_one_of([each for each in PATTERNS if r"\p" not in each and "[[" not in each]))
    written = draw(st.from_regex(re.compile(pattern, re.ASCII), alphabet=_LETTERS))
    return {"type": "string", "pattern": pattern}, [written.removesuffix("\n")]


@st.composite
def numbers(draw: st.DrawFn) -> Sample:
    kind = draw(_one_of(["integer", "bounded", "far", "float", "open", "multiple", "cents"]))
    if kind == "integer":
        return {"type": "integer"}, [draw(st.integers(-(10**12), 10**12))]
    if kind == "bounded":
        least, more = draw(st.integers(-200, 200)), draw(st.integers(0, 300))
        schema = {"type": "integer", "minimum": least, "maximum": least + more}
        return schema, [least, least + more]
    if kind == "far":
        edge = draw(_one_of([2**53, 2**53 + 1, 2**60 + 1, 2**63 - 1, 10**17 + 3]))
        return {"type": "integer", "minimum": -edge, "maximum": edge}, [0, edge // 2, -edge // 2]
    if kind == "float":
        least = draw(st.integers(-50, 50)) / 4
        return {"type": "number", "minimum": least, "maximum": least + 1.5}, [least, least + 0.5]
    if kind == "open":
        least = draw(st.integers(-20, 20))
        schema = {"type": "number", "exclusiveMinimum": least, "exclusiveMaximum": least + 2}
        return schema, [least + 1, least + 0.25]
    if kind == "multiple":
        factor = draw(st.integers(1, 12))
        return {"type": "integer", "multipleOf": factor, "minimum": 0}, [0, factor * 7]
    return {"type": "number", "multipleOf": 0.01, "minimum": 0, "maximum": 99}, [0.5, 12.34, 99]


@st.composite
def choices(draw: st.DrawFn) -> Sample:
    values = [None, True, False, 0, -7, 1.5, "", "a", 'é"\\', [], [1, "x"], {}, {"a": 1, "b": [None]}]  # fmt: skip
    if draw(st.booleans()):
        value = draw(_one_of(values))
        return {"const": value}, [value]
    chosen = draw(st.lists(_one_of(values), min_size=1, max_size=4, unique_by=repr))
    return {"enum": chosen}, chosen


def simple() -> st.SearchStrategy[Sample]:
    plain: list[Sample] = [
        ({"type": "boolean"}, [True, False]),
        ({"type": "null"}, [None]),
        ({"type": ["string", "null"]}, ["x", None]),
        ({"type": ["integer", "boolean"], "maximum": 3}, [3, True]),
        ({"type": "object", "properties": {}, "additionalProperties": False}, [{}]),
    ]
    return st.one_of(texts(), numbers(), choices(), _one_of(plain))


@st.composite
def arrays(draw: st.DrawFn, inside: st.SearchStrategy[Sample]) -> Sample:
    schema, values = draw(inside)
    least, more = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    several = draw(st.lists(_one_of(values), min_size=least, max_size=least + more))
    array: dict[str, Any] = {"type": "array", "items": schema, "minItems": least}
    if draw(st.booleans()):
        return array | {"maxItems": least + more}, [several]
    first, firsts = draw(inside)
    return array | {"prefixItems": [first], "minItems": least + 1}, [[firsts[0], *several]]


@st.composite
def objects(draw: st.DrawFn, inside: st.SearchStrategy[Sample]) -> Sample:
    names = draw(st.lists(_one_of(NAMES), min_size=1, max_size=4, unique=True))
    samples = {name: draw(inside) for name in names}
    required = [name for name in names if draw(st.booleans())]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: schema for name, (schema, _) in samples.items()},
        "required": required,
    }
    value = {n: draw(_one_of(v)) for n, (_, v) in samples.items() if n in required or draw(st.booleans())}  # fmt: skip
    rest = draw(_one_of(["closed", "open", "schema", "pattern"]))
    if rest == "closed":
        return schema | {"additionalProperties": False}, [value]
    if rest == "open":
        return schema, [value, value | {"zz": [1, {"k": None}]}]
    other, others = draw(inside)
    if rest == "pattern":
        schema |= {"patternProperties": {"^z[0-9]+$": other}, "additionalProperties": False}
        return schema, [value | {"z12": others[0]}]
    return schema | {"additionalProperties": other}, [value | {"zz": others[0]}]


@st.composite
def combinations(draw: st.DrawFn, inside: st.SearchStrategy[Sample]) -> Sample:
    kind = draw(_one_of(["any", "tagged", "all", "of types", "nullable", "names"]))
    first, firsts = draw(inside)
    if kind == "any":
        second, seconds = draw(inside)
        return {"anyOf": [first, second], "title": "U"}, [firsts[0], seconds[0]]
    if kind == "nullable":
        return {"anyOf": [first, {"type": "null"}], "default": None}, [firsts[0], None]
    if kind == "of types":
        options = [{"type": "string", "maxLength": 3}, {"type": "integer"}, {"type": "null"}]
        return {"oneOf": options}, ["abc", -5, None]
    if kind == "names":
        schema = {"type": "object", "propertyNames": {"enum": ["k1", "k2"]}, "additionalProperties": first}  # fmt: skip
        return schema, [{}, {"k1": firsts[0], "k2": firsts[0]}]
    second, seconds = draw(inside)
    if kind == "tagged":
        options = [_tagged(tag, schema) for tag, schema in (("one", first), ("two", second))]
        schema = {"oneOf": options, "discriminator": {"propertyName": "kind"}}
        return schema, [{"kind": "one", "v": firsts[0]}, {"kind": "two", "v": seconds[0]}]
    parts = [
        {"type": "object", "properties": {"p": first}, "required": ["p"]},
        {"properties": {"q": second}},
    ]
    return {"allOf": parts}, [{"p": firsts[0], "q": seconds[0]}, {"p": firsts[0]}]


def _tagged(tag: str, schema: Any) -> Any:
    return {
        "type": "object",
        "properties": {"kind": {"const": tag}, "v": schema},
        "required": ["kind", "v"],
    }


@st.composite
def rooted(draw: st.DrawFn) -> Sample:
    """A whole schema, often with definitions, some of which contain themselves."""
    schema, values = draw(nested())
    kind = draw(_one_of(["plain", "ref", "list", "tree", "self", "annotated"]))
    if kind == "ref":
        return {"$defs": {"x~/ y": schema}, "$ref": "#/$defs/x~0~1%20y"}, values
    if kind == "list":
        link = {"anyOf": [{"$ref": "#/definitions/node"}, {"type": "null"}]}
        node = {"type": "object", "properties": {"v": schema, "next": link}, "required": ["v", "next"]}  # fmt: skip
        chain = {"v": values[0], "next": {"v": values[-1], "next": None}}
        return {"$ref": "#/definitions/node", "definitions": {"node": node}}, [chain]
    if kind == "tree":
        tree = {"anyOf": [schema, {"type": "array", "items": {"$ref": "#tree"}}], "$anchor": "tree"}
        return {"$defs": {"t": tree}, "type": "object", "required": ["t"], "properties": {"t": {"$ref": "#tree"}}}, [{"t": [values[0], [[]]]}]  # fmt: skip
    if kind == "self":
        whole = {"type": "object", "properties": {"v": schema, "in": {"$ref": "#"}}, "required": ["v"], "additionalProperties": False}  # fmt: skip
        return whole, [{"v": values[0], "in": {"v": values[0]}}]
    if kind == "annotated" and "$ref" not in schema:
        return {**ANNOTATIONS, **schema, "x-own": {"not": 1}}, values
    return schema, values


def nested() -> st.SearchStrategy[Sample]:
    return st.recursive(
        simple(),
        lambda inside: st.one_of(arrays(inside), objects(inside), combinations(inside)),
        max_leaves=5,
    )


def _is_number(checker: Any, value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_integer(checker: Any, value: Any) -> bool:
    return _is_number(checker, value) and value == value // 1


_EXACT = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"number": _is_number, "integer": _is_integer}
    ),
)
_FORMATS = FormatChecker(formats=())
_HOST = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_CHECKS: dict[str, Callable[[str], object]] = {
    "date": date.fromisoformat,
    "date-time": lambda text: datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).tzinfo,
    "time": lambda text: re.fullmatch(r"\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text),
    "email": lambda text: re.fullmatch(r"[^@\s]+@[^@\s]+", text),
    "uuid": lambda text: str(UUID(text)) == text.lower(),
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "uri": lambda text: re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]*", text),
    "hostname": lambda text: re.fullmatch(rf"{_HOST}(\.{_HOST})*", text),
    "duration": lambda text: re.fullmatch(r"P(\d+W|(?=.)(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?)", text),
    "json-pointer": lambda text: re.fullmatch(r"(/([^~/]|~[01])*)*", text),
}  # fmt: skip
for _name, _check in _CHECKS.items():
    _FORMATS.checks(_name, raises=ValueError)(lambda value, check=_check: not isinstance(value, str) or bool(check(value)))  # fmt: skip


def validate(schema: Any, reply: str) -> None:
    """Exact decimals on both sides: with floats, 0.07 is no multiple of 0.01. No name may come twice with a new meaning."""
    exact = json.loads(json.dumps(schema), parse_float=Decimal)
    _EXACT(exact, format_checker=_FORMATS).validate(json.loads(reply, parse_float=Decimal))
