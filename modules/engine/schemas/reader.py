"""From a schema as people write it to one that llguidance enforces word for word.

llguidance passes over some keywords that it does not know, and reads others more widely than they are meant. But a reply has
to satisfy the whole schema: so here each keyword is enforced, or an annotation, or a RequestError names it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from modules.engine.schemas.choices import are_exclusive
from modules.engine.schemas.endless import is_endless
from modules.engine.schemas.faults import bounded, unsupported, wrong
from modules.engine.schemas.keywords import UNSUPPORTED
from modules.engine.schemas.load import has_too_many_patterns
from modules.engine.schemas.numbers import read_bounds
from modules.engine.schemas.patterns import to_rust
from modules.engine.schemas.references import References, Schema
from modules.engine.schemas.spellings import respell
from modules.engine.schemas.values import READERS

OPTIONS = "x-guidance"
"""llguidance's own keyword at the root of a schema: how the JSON is laid out."""
LAYOUT = frozenset({"whitespace_pattern", "whitespace_flexible", "item_separator", "key_separator"})
WHITESPACE = r"[ ]?|\n[ \t]{0,40}"
"""Between the parts of a JSON reply: a space, or a line break with its indent. With more a weak model goes on for ever."""
ESCAPES = 'nrbtf\\"'
"""Without `\\uXXXX`: with it a name could be written in a way that llguidance takes for another name."""
MAX_DEPTH = 50
"""Of schemas in schemas. llguidance reads JSON of 128 levels, which are about two for each."""
MAX_SCHEMAS = 20_000
MAX_PATTERN_PROPERTIES = 32
"""llguidance compares each with each."""


@dataclass(frozen=True, slots=True)
class Part:
    """A subschema as llguidance gets it, and where it stood, like `parameters.properties.city`."""

    place: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReadSchema:
    """`parts`: the subschemas of `schema`, each before those inside it; they may be changed in place."""

    schema: dict[str, Any]
    parts: list[Part] = field(default_factory=list[Part])


def read_schema(schema: Any, place: str) -> ReadSchema:
    """RequestError for what cannot be enforced; its `param` begins with `place`."""
    return _Reader(schema, place).read()


class _Reader:
    """Every target of a `$ref` gets a definition of its own; what no `$ref` leads to is never looked at."""

    def __init__(self, root: Any, place: str) -> None:
        self._root = root
        self._place = place
        self._references = References(root)
        self._names: dict[int, str] = {}
        self._waiting: list[Callable[[], tuple[str, Any]]] = []
        self._parts: list[Part] = []
        self._walkers: dict[str, Callable[[Any, str, int], dict[str, Any]]] = {
            "$ref": self._reference,
            **dict.fromkeys(("items", "additionalProperties"), self._one),
            **dict.fromkeys(("anyOf", "allOf", "oneOf", "prefixItems"), self._list),
            **dict.fromkeys(("properties", "patternProperties"), self._map),
        }

    def read(self) -> ReadSchema:
        schema = self._schema(self._root, self._place, 0)
        definitions: dict[str, Any] = {}
        while self._waiting:
            name, target = self._waiting.pop()()
            definitions[name] = target
        if schema is False:
            raise wrong(self._place, "It allows no value.")
        whole = schema if isinstance(schema, dict) else {}
        if definitions:
            whole["$defs"] = definitions
        whole[OPTIONS] = _options(self._root)
        self._check(whole)
        return ReadSchema(whole, self._parts)

    def _check(self, schema: dict[str, Any]) -> None:
        if is_endless(schema):
            reason = "It leads back to itself, so that no value ever ends."
            raise wrong(f"{self._place}.$ref", reason)
        if has_too_many_patterns(schema):
            reason = "Too many patterns or divisors have to hold for the same value."
            raise wrong(f"{self._place}.allOf", reason)

    def _schema(self, schema: Any, place: str, depth: int) -> dict[str, Any] | bool:
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            raise wrong(place, "A schema must be an object or a boolean.")
        if depth > MAX_DEPTH or len(self._parts) >= MAX_SCHEMAS:
            raise wrong(place, "The schema is too large, or nested too deeply.")
        read: dict[str, Any] = {}
        self._parts.append(Part(bounded(place), read))
        spelled = respell(cast("Schema", schema), partial(self._target, place=place))
        for keyword, value in spelled.items():
            _add(read, self._keyword(spelled, keyword, value, f"{place}.{keyword}", depth))
        _add(read, read_bounds(spelled, place))
        return read

    def _keyword(
        self, schema: Schema, keyword: str, value: Any, place: str, depth: int
    ) -> dict[str, Any]:
        if keyword in UNSUPPORTED and UNSUPPORTED[keyword](value, schema):
            raise unsupported(keyword, place)
        if keyword in READERS:
            return READERS[keyword](value, schema, place)
        if keyword == "oneOf":
            return self._alternatives(schema, place, depth + 1)
        if keyword in self._walkers:
            return self._walkers[keyword](value, place, depth + 1)
        return {}

    def _one(self, value: Any, place: str, depth: int) -> dict[str, Any]:
        return {place.rpartition(".")[2]: self._schema(value, place, depth)}

    def _list(self, value: Any, place: str, depth: int) -> dict[str, Any]:
        if not isinstance(value, list) or not value:
            raise wrong(place, "It must be a list of schemas, and not empty.")
        keyword, options = place.rpartition(".")[2], cast("list[Any]", value)
        schemas = [self._schema(each, f"{place}.{i}", depth) for i, each in enumerate(options)]
        return {keyword: schemas}

    def _alternatives(self, schema: Schema, place: str, depth: int) -> dict[str, Any]:
        """`oneOf`, as `anyOf` where its schemas exclude one another."""
        read = self._list(schema["oneOf"], place, depth)["oneOf"]
        kind = {"type": schema["type"]} if "type" in schema else {}
        options = [kind | cast("dict[str, Any]", each) if isinstance(each, dict) else each for each in schema["oneOf"]]  # fmt: skip
        is_exclusive = are_exclusive(options, partial(self._target, place=place))
        return {"anyOf" if is_exclusive else "oneOf": read}

    def _map(self, value: Any, place: str, depth: int) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise wrong(place, "It must be an object.")
        keyword, entries = place.rpartition(".")[2], cast("dict[str, Any]", value)
        is_pattern = keyword == "patternProperties"
        if is_pattern and len(entries) > MAX_PATTERN_PROPERTIES:
            raise wrong(place, f"It has more than {MAX_PATTERN_PROPERTIES} entries.")
        read = {
            to_rust(key) if is_pattern else key: self._schema(each, f"{place}.{key}", depth)
            for key, each in entries.items()
        }
        return {keyword: read}

    def _reference(self, value: Any, place: str, depth: int) -> dict[str, Any]:
        target = self._references.resolve(value, place)
        name = self._names.get(id(target))
        if name is None:
            name = self._names[id(target)] = f"s{len(self._names)}"
            at = self._place + str(value).replace("#/", ".").replace("/", ".")
            self._waiting.append(lambda: (name, self._schema(target, at, 0)))
        return {"$ref": f"#/$defs/{name}"}

    def _target(self, schema: Schema, *, place: str) -> Any:
        return self._references.resolve(schema["$ref"], f"{place}.$ref")


def _add(read: dict[str, Any], keywords: dict[str, Any]) -> None:
    """A keyword that is there already holds beside the new one."""
    for keyword, value in keywords.items():
        if keyword == "allOf":
            read["allOf"] = [*read.get("allOf", []), *value]
        elif keyword in read:
            read["allOf"] = [*read.get("allOf", []), {keyword: value}]
        else:
            read[keyword] = value


def _options(root: Any) -> dict[str, Any]:
    """What is given may change the layout, but not how strictly the schema is read."""
    layout: dict[str, Any] = {"whitespace_pattern": WHITESPACE}
    given = cast("Schema", root).get(OPTIONS) if isinstance(root, dict) else None
    if isinstance(given, dict):
        own = cast("dict[str, Any]", given)
        layout = {} if "whitespace_flexible" in own else layout
        layout |= {name: value for name, value in own.items() if name in LAYOUT}
    return {**layout, "json_allowed_escapes": ESCAPES}
