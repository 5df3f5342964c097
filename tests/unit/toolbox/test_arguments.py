"""Arguments as models write them, against the schemas of tools."""

import pytest

from modules.toolbox.arguments import (
    BadArguments,
    check_arguments,
    parse_arguments,
    schema_problem,
)

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1}, "unit": {"enum": ["C", "F"]}},
    "required": ["n"],
    "additionalProperties": False,
}


def test_nothing_counts_as_no_arguments():
    assert parse_arguments("  ") == {}
    assert parse_arguments('{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("text", ["{", "[1]", "null", '"a"', "[" * 100_000])
def test_what_is_no_object_is_refused_in_words(text: str):
    with pytest.raises(BadArguments, match="arguments"):
        parse_arguments(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "$: 'n' is a required property"),
        ({"n": "3"}, "$.n: '3' is not of type 'integer'"),
        ({"n": 0}, "$.n: 0 is less than the minimum of 1"),
        ({"n": 1, "unit": "K"}, "$.unit: 'K' is not one of ['C', 'F']"),
        ({"n": 1, "more": 1}, "$: Additional properties are not allowed ('more' was unexpected)"),
    ],
)
def test_the_place_that_is_wrong_is_named(arguments, message: str):
    with pytest.raises(BadArguments) as raised:
        check_arguments(arguments, SCHEMA)
    assert str(raised.value) == f"Wrong arguments: {message}"


def test_what_fits_passes():
    check_arguments({"n": 1, "unit": "F"}, SCHEMA)
    check_arguments({"n": 1.0}, SCHEMA)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "#/$defs/none"},
        {"properties": {"a": {"pattern": "^(a+)+$"}}},
        {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False},
        {"propertyNames": {"pattern": "^(a+)+$"}},
        {"unevaluatedProperties": False, "patternProperties": {"^(a+)+$": {}}},
    ],
)
def test_schemas_of_strangers_fetch_nothing_and_take_no_time(schema):
    hard = "a" * 60 + "b"
    check_arguments({"a": hard, hard: 1}, schema)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], "is no object"),
        ({"type": "string"}, "its arguments are not an object"),
        ({"type": "object", "properties": []}, "is wrong"),
        ({"type": "object", "properties": {"a": {"type": "objekt"}}}, "is wrong"),
        ({"type": "object", "$comment": "x" * 200_000}, "is too long"),
    ],
)
def test_schemas_that_cannot_be_offered(schema, message: str):
    assert message in (schema_problem(schema) or "")


def test_schemas_that_can_be_offered():
    assert schema_problem(SCHEMA) is None
    assert schema_problem({"type": "object"}) is None


def test_a_schema_that_is_nested_too_deeply():
    schema = {"type": "object"}
    for _ in range(3000):
        schema = {"type": "object", "properties": {"a": schema}}
    assert schema_problem(schema) is not None
