"""Each keyword of a schema is enforced, an annotation, or refused by name; never dropped."""

import json
from typing import Any

import pytest

from modules.core.errors import RequestError
from modules.core.requests import Grammar
from modules.engine.constraints import GrammarCompiler
from tests.unit.engine.test_constraints import accepts, build_tokenizer

INT, TEXT = {"type": "integer"}, {"type": "string"}
OBJECT = {"type": "object", "properties": {"a": INT, "b": TEXT}}
LIST = {"type": "array", "items": INT}
UNION = {
    "$defs": {
        kind: {"type": "object", "properties": {"t": {"const": kind}}, "required": ["t"]}
        for kind in ("cat", "dog")
    },
    "oneOf": [{"$ref": "#/$defs/cat"}, {"allOf": [{"$ref": "#/$defs/dog"}]}],
    "discriminator": {"propertyName": "t"},
}


@pytest.fixture(scope="module")
def compiler() -> GrammarCompiler:
    return GrammarCompiler(build_tokenizer)


def allows(compiler: GrammarCompiler, schema: Any, text: str) -> bool:
    return accepts(compiler.compile(Grammar("json_schema", json.dumps(schema))), text)


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"not": TEXT}, "not"),
        ({"if": TEXT, "then": {"maxLength": 2}}, "if"),
        ({"if": TEXT, "else": False}, "if"),
        (LIST | {"uniqueItems": True}, "uniqueItems"),
        (LIST | {"contains": {"const": 1}}, "contains"),
        (LIST | {"contains": {}, "minContains": 0, "maxContains": 1}, "contains"),
        (OBJECT | {"dependentRequired": {"a": ["b"]}}, "dependentRequired"),
        (OBJECT | {"dependentSchemas": {"a": False}}, "dependentSchemas"),
        (OBJECT | {"dependencies": {"a": ["b"]}}, "dependencies"),
        (OBJECT | {"propertyNames": {"maxLength": 3}}, "propertyNames"),
        ({"type": "object", "minProperties": 2}, "minProperties"),
        (OBJECT | {"allOf": [{}], "unevaluatedProperties": False}, "unevaluatedProperties"),
        (LIST | {"anyOf": [{}], "unevaluatedItems": False}, "unevaluatedItems"),
        ({"$dynamicRef": "#a"}, "$dynamicRef"),
        ({"$recursiveRef": "#"}, "$recursiveRef"),
        ({"type": "integer", "divisibleBy": 2}, "divisibleBy"),
        ({"disallow": "string"}, "disallow"),
        (TEXT | {"format": "regex"}, "format"),
        (TEXT | {"format": "phone-number"}, "format"),
        (TEXT | {"pattern": "(?=a)b"}, "pattern"),
        (TEXT | {"pattern": r"(a)\1"}, "pattern"),
        (TEXT | {"pattern": r"a\bb"}, "pattern"),
        (TEXT | {"pattern": 5}, "pattern"),
        (TEXT | {"minLength": -1}, "minLength"),
        (TEXT | {"maxLength": "3"}, "maxLength"),
        (TEXT | {"maxLength": True}, "maxLength"),
        ({"type": "number", "multipleOf": 0}, "multipleOf"),
        ({"type": "number", "multipleOf": 1.0000001e-300}, "multipleOf"),
        ({"type": "integer", "multipleOf": 100_000_007}, "multipleOf"),
        ({"type": "number", "minimum": "1"}, "minimum"),
        ({"type": "integer", "minimum": 10**30}, "minimum"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "minimum"),
        ({"type": "file"}, "type"),
        ({"type": ["string", 5]}, "type"),
        ({"enum": []}, "enum"),
        ({"enum": "a"}, "enum"),
        ({"enum": ["a"], "type": "integer"}, "enum"),
        ({"anyOf": []}, "anyOf"),
        ({"anyOf": {}}, "anyOf"),
        ({"oneOf": [{"type": "number"}, INT]}, "oneOf"),
        ({"oneOf": [{"minLength": 1}, {"const": 1}]}, "oneOf"),
        ({"allOf": [TEXT, INT]}, "allOf"),
        ({"properties": []}, "properties"),
        ({"items": 5}, "items"),
        ({"items": {"properties": {"a": 5}}}, "a"),
        ({"required": "a"}, "required"),
        ({"type": "object", "required": ["b"], "additionalProperties": False}, "required"),
        ({"type": "object", "patternProperties": {"a": INT, "b": TEXT}}, "patternProperties"),
        ({"type": "object", "patternProperties": {f"^{i}$": INT for i in range(100)}}, "patternProperties"),
        ({"$ref": "other.json"}, "$ref"),
        ({"$ref": "#/$defs/none"}, "$ref"),
        ({"$ref": "#none"}, "$ref"),
        ({"$ref": 5}, "$ref"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "$ref"),
    ],
)  # fmt: skip
def test_what_cannot_be_enforced_is_refused_by_name_and_place(
    compiler: GrammarCompiler, schema: Any, keyword: str
) -> None:
    inside = {"type": "object", "properties": {"x": schema, "y": INT}, "required": ["x"]}
    if "$defs" in schema:
        inside["$defs"] = schema["$defs"]
    for whole in (schema, inside):
        with pytest.raises(RequestError) as caught:
            compiler.compile(Grammar("json_schema", json.dumps(whole), "there"))
        assert f"`{keyword}`" in caught.value.message
        assert (caught.value.param or "").startswith("there")
        assert (caught.value.param or "").endswith(f".{keyword}")


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (TEXT | {"nullable": True, "format": "password", "x-y": 1, "default": 5}, '"a"', "null"),
        (INT | {"format": "int64", "minimum": 1, "exclusiveMinimum": True}, "2", "1"),
        (INT | {"maximum": 4, "exclusiveMaximum": False}, "4", "5"),
        ({"type": "string", "minLength": 2.0}, '"ab"', '"a"'),
        ({"not": False, "then": False, "minContains": 3, "uniqueItems": False}, "[]", "x"),
        ({"if": {}, "contains": {}, "minContains": 0}, "[]", "x"),
        (OBJECT | {"unevaluatedProperties": False}, '{"a": 1}', '{"c": 1}'),
        (OBJECT | {"unevaluatedProperties": True, "propertyNames": {"type": "string"}}, '{"c": 1}', "1"),
        (LIST | {"unevaluatedItems": False}, "[1]", '["a"]'),
        ({"type": "array", "prefixItems": [INT], "unevaluatedItems": False}, "[1]", "[1, 2]"),
        ({"type": "array", "items": [INT], "additionalItems": TEXT}, '[1, "a"]', "[1, 2]"),
        ({"type": "array", "items": INT, "additionalItems": False}, "[1, 2]", '["a"]'),
        ({"type": "object", "propertyNames": {"enum": ["k"]}, "additionalProperties": INT}, '{"k": 1}', '{"l": 1}'),
        ({"type": "object", "propertyNames": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "string", "enum": ["k"]}}}, '{"k": {}}', '{"l": 1}'),
        ({"type": "object", "propertyNames": {"pattern": "^k"}, "additionalProperties": INT}, '{"k2": 1}', '{"k2": "a"}'),
        ({"type": "object", "propertyNames": {"pattern": "^k"}}, '{"k": 1}', '{"l": 1}'),
        (OBJECT | {"minProperties": 1, "additionalProperties": False}, '{"b": ""}', "{}"),
        (OBJECT | {"minProperties": 2, "required": ["a", "b"]}, '{"a": 1, "b": ""}', '{"a": 1}'),
        ({"type": "object", "maxProperties": 1}, '{"a": 1}', '{"a": 1, "b": 2}'),
        (OBJECT, '{"a": 1, "c": 2}', '{"\\u0061": "x"}'),
        ({"type": "object", "patternProperties": {"^[[]": INT}}, '{"[": 1}', '{"[": "a"}'),
        (UNION, '{"t": "dog"}', '{"t": "cow"}'),
        ({"oneOf": [{"enum": [1, "a"]}, {"const": 2.0}, {"type": ["null", "array"]}]}, "null", "3"),
        ({"type": "object", "oneOf": [{"properties": {"t": {"const": k}}, "required": ["t"]} for k in "ab"]}, '{"t": "b"}', '{"t": "c"}'),
        ({"oneOf": [TEXT, {"anyOf": [INT, {"type": "null"}]}], "anyOf": [INT, TEXT]}, "5", "null"),
        ({"allOf": [INT, {"minimum": 2}], "maximum": 3}, "3", "1"),
        ({"type": "string", "format": "date", "pattern": "^2"}, '"2024-02-29"', '"1999-01-01"'),
        (TEXT | {"format": "date-time"}, '"2024-02-29T00:00:00Z"', '"2023-02-29T00:00:00Z"'),
        (TEXT | {"format": "time"}, '"23:59:59.5+01:00"', '"23:59:60Z"'),
        ({"type": "integer", "maximum": 2**63 - 1}, str(2**63 - 2000), str(2**63)),
        ({"type": "integer", "minimum": 2**53 + 1}, str(2**53 + 2), str(2**53)),
        ({"type": "integer", "exclusiveMaximum": 2**60}, str(2**60 - 200), str(2**60)),
        ({"$ref": "#thing", "$defs": {"x": {"$anchor": "thing", "type": "integer"}, "bad": {"not": {}}}}, "1", '"a"'),
        ({"$id": "http://a/b.json", "items": {"$ref": "http://a/b.json#/$defs/i"}, "$defs": {"i": INT}, "type": "array"}, "[1]", '["a"]'),
        ({"$ref": "part.json", "$defs": {"x": {"$id": "part.json", "type": "integer"}}}, "1", '"a"'),
        ({"properties": {"a": INT, "b": {"$ref": "#/properties/a"}}, "type": "object"}, '{"b": 1}', '{"b": ""}'),
        ({"type": "array", "prefixItems": [INT, {"$ref": "#/prefixItems/0"}]}, "[1, 2]", '[1, "a"]'),
        ({"anyOf": [{"pattern": "^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$", "type": "string"}]}, '"-1.50"', '"-."'),
        ({"x-guidance": {"whitespace_flexible": False, "lenient": True}, "type": "array"}, "[1,2]", "[1, 2]"),
        (True, "[ 1]", "[  1]"),
    ],
)  # fmt: skip
def test_what_is_meant_is_enforced(
    compiler: GrammarCompiler, schema: Any, good: str, bad: str
) -> None:
    assert allows(compiler, schema, good)
    assert not allows(compiler, schema, bad)


def test_a_setting_of_the_grammar_library_does_not_loosen_a_schema(
    compiler: GrammarCompiler,
) -> None:
    with pytest.raises(RequestError, match="`not`"):
        allows(compiler, {"x-guidance": {"lenient": True}, "not": {}}, "1")


def test_names_of_properties_are_no_keywords(compiler: GrammarCompiler) -> None:
    names = {"type": "object", "properties": {"not": INT, "$ref": TEXT, "enum": INT}}
    assert allows(compiler, names, '{"not": 1, "$ref": "x"}')
    assert not allows(compiler, names, '{"not": "a"}')


def test_a_long_place_is_shortened(compiler: GrammarCompiler) -> None:
    schema = {"properties": {"n" * 5000: {"not": {}}}}
    with pytest.raises(RequestError) as caught:
        allows(compiler, schema, "1")
    assert len(caught.value.param or "") < 250


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"type": "string", "pattern": f"x{i}"} for i in range(40)]},
        {"allOf": [{"allOf": [{"pattern": f"x{i}{j}"} for i in range(6)]} for j in range(6)]},
        {"$defs": {str(i): {"pattern": f"x{i}", "$ref": f"#/$defs/{i + 1}"} for i in range(30)} | {"30": {}}, "$ref": "#/$defs/0"},
        {"oneOf": [{"anyOf": [{"anyOf": [{"pattern": "a"}] * 20}] * 20}] * 20},
        {"allOf": [{"type": "integer", "multipleOf": prime} for prime in (9973, 9967, 9949, 9941)]},
        {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"allOf": [{"$ref": "#"}]},
    ],
)  # fmt: skip
def test_what_would_take_for_ever_is_refused(compiler: GrammarCompiler, schema: Any) -> None:
    with pytest.raises(RequestError):
        allows(compiler, schema, "1")
