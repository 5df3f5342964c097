"""Option: values of every kind, from JSON and from text, with errors that name the option."""

import math
from dataclasses import dataclass
from typing import Any

import pytest

from modules.core.errors import RequestError
from modules.core.options import by_name, option, options_of


@dataclass(frozen=True)
class Example:
    flag: bool = option(False, "A switch")
    count: int = option(3, "A number", minimum=-2, maximum=10, aliases=("n", "number"))
    share: float = option(0.5, "A share", minimum=0, maximum=1)
    free: float = option(0.0, "No range")
    name: str = option("x", "A word")
    colour: str = option("red", "A choice", choices=("red", "green"))
    hosts: tuple[str, ...] = option((), "Several")
    limit: int | None = option(None, "Perhaps", minimum=1)
    shout: str = option("", "Parsed", parse=lambda value: str(value).upper())
    plain: int = 7


OPTIONS = options_of(Example)
NAMED = by_name(OPTIONS)


def test_options_come_in_the_order_of_the_fields_and_plain_fields_are_left_out() -> None:
    assert [each.name for each in OPTIONS] == [
        "flag", "count", "share", "free", "name", "colour", "hosts", "limit", "shout",
    ]  # fmt: skip
    assert [each.kind for each in OPTIONS] == [
        bool, int, float, float, str, str, tuple, int, str,
    ]  # fmt: skip


def test_only_an_optional_field_may_be_none() -> None:
    assert [each.name for each in OPTIONS if each.none_ok] == ["limit"]


def test_an_option_answers_to_its_aliases() -> None:
    assert NAMED["n"] is NAMED["count"]
    assert NAMED["number"].name == "count"


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("flag", True, True),
        ("flag", 0, False),
        ("flag", "on", True),
        ("flag", " OFF ", False),
        ("count", 10, 10),
        ("count", -2, -2),
        ("count", 4.0, 4),
        ("share", 1, 1.0),
        ("share", 0.25, 0.25),
        ("name", "y", "y"),
        ("name", 12, "12"),
        ("colour", "green", "green"),
        ("hosts", ["a", "b"], ("a", "b")),
        ("hosts", "a, b,,c ", ("a", "b", "c")),
        ("hosts", [], ()),
        ("limit", 5, 5),
        ("shout", "hey", "HEY"),
    ],
)
def test_good_values_take_the_options_type(name: str, given: Any, expected: Any) -> None:
    value = NAMED[name].check(given)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("name", [each.name for each in OPTIONS])
def test_none_means_the_default(name: str) -> None:
    assert NAMED[name].check(None) == getattr(Example(), name)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("flag", "maybe"),
        ("flag", 2),
        ("flag", 1.0),
        ("flag", []),
        ("count", 11),
        ("count", -3),
        ("count", 4.5),
        ("count", True),
        ("count", "4"),
        ("count", math.inf),
        ("count", math.nan),
        ("share", 1.0001),
        ("share", -0.1),
        ("share", True),
        ("share", "0.5"),
        ("free", math.nan),
        ("free", math.inf),
        ("free", -math.inf),
        ("name", True),
        ("name", ["x"]),
        ("colour", "blue"),
        ("colour", "RED"),
        ("hosts", 5),
        ("hosts", [1.5]),
        ("hosts", {"a": 1}),
        ("limit", 0),
    ],
)
def test_bad_values_are_refused_with_the_options_name(name: str, given: Any) -> None:
    with pytest.raises(RequestError) as caught:
        NAMED[name].check(given)
    assert name in caught.value.message
    assert caught.value.param == name


@pytest.mark.parametrize("name", ["count", "share", "free"])
@pytest.mark.parametrize("given", [10**400, -(10**400)])
def test_a_whole_number_beyond_every_float_is_refused_too(name: str, given: int) -> None:
    with pytest.raises(RequestError, match=name):
        NAMED[name].check(given)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("flag", "Yes", True),
        ("flag", "", False),
        ("count", " 7 ", 7),
        ("count", "-2", -2),
        ("share", "1e-1", 0.1),
        ("name", "007", "007"),
        ("colour", "red", "red"),
        ("hosts", "a,b", ("a", "b")),
        ("shout", "hey", "HEY"),
    ],
)
def test_text_is_read_as_the_options_kind(name: str, text: str, expected: Any) -> None:
    assert NAMED[name].from_text(text) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("flag", "2"),
        ("count", "three"),
        ("count", "1.5"),
        ("count", ""),
        ("count", "11"),
        ("count", "9" * 5000),
        ("share", "nan"),
        ("share", "inf"),
        ("free", "1e999"),
        ("colour", "blue"),
    ],
)
def test_bad_text_is_refused_with_the_options_name(name: str, text: str) -> None:
    with pytest.raises(RequestError, match=name):
        NAMED[name].from_text(text)


def test_messages_say_what_would_be_right() -> None:
    for name, given, hint in [
        ("count", 11, "at most 10"),
        ("count", -3, "at least -2"),
        ("colour", "blue", "red, green"),
        ("share", "x", "a number"),
        ("count", 1.5, "a whole number"),
        ("flag", [], "true or false"),
    ]:
        with pytest.raises(RequestError, match=hint):
            NAMED[name].check(given)


def test_a_large_bound_is_told_in_full() -> None:
    @dataclass(frozen=True)
    class Large:
        size: int = option(1, "A size", maximum=16_777_216)

    with pytest.raises(RequestError, match="at most 16777216; got 16777217"):
        by_name(options_of(Large))["size"].check(16_777_217)
