"""Functions as models are told about them."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest

from modules.toolbox.signatures import NotATool, describe, read_docstring, to_schema


class Place(TypedDict):
    town: str
    street: NotRequired[str]


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (str, {"type": "string"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (Any, {}),
        (list, {"type": "array"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Sequence[str], {"type": "array", "items": {"type": "string"}}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (tuple[int, str], {"type": "array"}),
        (dict, {"type": "object"}),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
        (int | None, {"type": ["integer", "null"]}),
        (
            list[int] | None,
            {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
        ),
        (int | Any, {}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (
            Place,
            {
                "type": "object",
                "properties": {"town": {"type": "string"}, "street": {"type": "string"}},
                "required": ["town"],
                "additionalProperties": False,
            },
        ),
    ],
)
def test_types_become_schemas(annotation, schema):
    assert to_schema(annotation) == schema


def test_types_that_json_lacks_are_named():
    def remember(day: date) -> None:
        """Remember a day."""

    with pytest.raises(NotATool, match="the parameter 'day' has the type date, which JSON lacks"):
        describe(remember)


def test_a_function_becomes_a_tool():
    def forecast(
        city: str, days: int = 3, *, unit: Literal["C", "F"] = "C", note: str | None = None
    ) -> str:
        """Forecast the weather.

        For places on Earth only.

        Args:
            city: Its name, and its
                country.
            days (int): How many.
            unknown: Not a parameter.

        Returns:
            A sentence.
        """
        return ""

    assert describe(forecast) == {
        "name": "forecast",
        "description": "Forecast the weather.\n\nFor places on Earth only.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Its name, and its country."},
                "days": {"type": "integer", "description": "How many.", "default": 3},
                "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
                "note": {"type": ["string", "null"]},
            },
            "additionalProperties": False,
            "required": ["city"],
        },
    }


def test_functions_that_cannot_be_called_by_name_are_no_tools():
    def many(*names: str) -> None:
        """Take many."""

    def positional(name: str, /) -> None:
        """Take one."""

    def silent(name: str) -> None: ...

    for function in (many, positional):
        with pytest.raises(NotATool, match="cannot be given by name"):
            describe(function)
    with pytest.raises(NotATool, match="no docstring"):
        describe(silent)


@pytest.mark.parametrize(
    "text",
    ["Do it.\nArgs:\n  a: one\n", "Do it.\n\nParameters:\n    a: one\n\nRaises:\n    b: no\n"],
)
def test_docstrings_are_read_in_googles_style(text: str):
    assert read_docstring(text) == ("Do it.", {"a": "one"})
