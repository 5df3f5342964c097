"""The sampler table: defaults, the readers of lists, and which settings mean greedy."""

import json
import math
from typing import Any

import pytest

from modules.core.errors import RequestError
from modules.core.sampling import (
    DEFAULT_PRIORITY,
    DRY_BREAKERS,
    SAMPLERS,
    SAMPLERS_BY_NAME,
    SILENT_PRIORITY,
    SamplingParams,
    parse_breakers,
    parse_logit_bias,
    parse_priority,
    parse_token_bans,
)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_every_default_passes_its_own_check(sampler: Any) -> None:
    default = sampler.default
    wire = dict(default) if sampler.name == "logit_bias" else default
    assert sampler.check(wire) == default
    assert len(sampler.help) > 10


@pytest.mark.parametrize(
    "sampler", [s for s in SAMPLERS if s.minimum is not None], ids=lambda sampler: sampler.name
)
def test_both_ends_of_a_range_are_in_it_and_what_lies_beyond_is_not(sampler: Any) -> None:
    step = 1 if sampler.kind is int else 0.001
    assert sampler.check(sampler.minimum) == sampler.minimum
    assert sampler.check(sampler.maximum) == sampler.maximum
    for outside in (sampler.minimum - step, sampler.maximum + step):
        with pytest.raises(RequestError, match=sampler.name):
            sampler.check(outside)


@pytest.mark.parametrize(
    "sampler", [s for s in SAMPLERS if s.kind in (int, float)], ids=lambda sampler: sampler.name
)
@pytest.mark.parametrize("value", [10**400, -(10**400), math.inf, -math.inf, math.nan, "x", [], {}])
def test_what_is_no_number_of_this_world_is_refused(sampler: Any, value: Any) -> None:
    with pytest.raises(RequestError, match=sampler.name):
        sampler.check(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, ()),
        ({"5": 1}, ((5, 1.0),)),
        ({5: -100, "6": 100.0}, ((5, -100.0), (6, 100.0))),
    ],
)
def test_logit_bias_is_read(value: Any, expected: Any) -> None:
    assert parse_logit_bias(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "5:1",
        [5, 1],
        7,
        {"five": 1},
        {"1.5": 1},
        {"-1": 1},
        {str(2**31): 1},
        {"9" * 5000: 1},
        {"5": "1"},
        {"5": True},
        {"5": None},
        {"5": 100.1},
        {"5": -101},
        {"5": math.nan},
        {"5": math.inf},
        {"5": 10**400},
        {True: 1},
    ],
)
def test_a_wrong_logit_bias_is_refused(value: Any) -> None:
    with pytest.raises(RequestError) as caught:
        parse_logit_bias(value)
    assert caught.value.param == "logit_bias"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", ()), ("1, 2,,3", (1, 2, 3)), ([4, "5"], (4, 5)), ((), ()), ([0], (0,))],
)
def test_token_bans_are_read(value: Any, expected: Any) -> None:
    assert parse_token_bans(value) == expected


@pytest.mark.parametrize(
    "value", ["a", "1;2", 5, {"1": 2}, [-1], [2**31], [1.5], [True], [[1]], [None]]
)
def test_wrong_token_bans_are_refused(value: Any) -> None:
    with pytest.raises(RequestError) as caught:
        parse_token_bans(value)
    assert caught.value.param == "custom_token_bans"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("top_k, top_p\nmin_p", ("top_k", "top_p", "min_p")),
        (["temperature", "top_k"], ("temperature", "top_k")),
        (["repetition_penalty", "presence_penalty", "top_k"], ("penalties", "top_k")),
        (["dynamic_temperature", "temperature", "typ_p"], ("temperature", "typical_p")),
        (sorted(SILENT_PRIORITY), ()),
        ("", ()),
        (list(DEFAULT_PRIORITY), DEFAULT_PRIORITY),
    ],
)
def test_a_sampler_priority_is_read(value: Any, expected: Any) -> None:
    assert parse_priority(value) == expected


@pytest.mark.parametrize("value", ["top_q", ["top_k", "nonsense"], [1], 5, {"top_k": 1}])
def test_a_wrong_sampler_priority_is_refused(value: Any) -> None:
    with pytest.raises(RequestError) as caught:
        parse_priority(value)
    assert caught.value.param == "sampler_priority"


def test_an_unknown_sampler_is_answered_with_the_known_ones() -> None:
    with pytest.raises(RequestError, match=r"'top_q'.*top_n_sigma"):
        parse_priority("top_q")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["\n", " "], ("\n", " ")),
        ('["a", "b"]', ("a", "b")),
        ('"\\n", ":", "\\"", "*"', DRY_BREAKERS),
        ("", ()),
        (["", "x"], ("x",)),
        (list(DRY_BREAKERS), DRY_BREAKERS),
    ],
)
def test_dry_breakers_are_read(value: Any, expected: Any) -> None:
    assert parse_breakers(value) == expected


@pytest.mark.parametrize(
    "value",
    ["a, b", '{"a": 1}', "[1]", [1], 5, ["x"] * 65, ["x" * 65], "[" * 100_000, '["a"'],
)
def test_wrong_dry_breakers_are_refused(value: Any) -> None:
    with pytest.raises(RequestError) as caught:
        parse_breakers(value)
    assert caught.value.param == "dry_sequence_breakers"


def test_updated_checks_what_is_given_and_keeps_the_rest() -> None:
    base = SamplingParams(temperature=0.3, top_k=5)
    changed = base.updated({"top_k": 7, "logit_bias": {"3": 2}, "temperature": None})
    assert changed == SamplingParams(temperature=0.3, top_k=7, logit_bias=((3, 2.0),))
    assert base == SamplingParams(temperature=0.3, top_k=5)


def test_updated_takes_aliases() -> None:
    assert SamplingParams().updated({"ignore_eos": True}).ban_eos_token is True
    assert SAMPLERS_BY_NAME["ignore_eos"].name == "ban_eos_token"


def test_updated_refuses_what_is_out_of_range() -> None:
    with pytest.raises(RequestError, match="top_p"):
        SamplingParams().updated({"top_p": 1.5})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, False),
        ({"temperature": 0}, True),
        ({"temperature": 0.01}, False),
        ({"top_k": 1}, True),
        ({"top_k": 0}, False),
        ({"top_k": -1}, False),
        ({"do_sample": False}, True),
        ({"temperature": 0, "dynamic_temperature": True}, False),
    ],
)
def test_which_values_mean_greedy(values: dict[str, Any], expected: bool) -> None:
    assert SamplingParams().updated(values).is_greedy is expected


def test_banned_ids_come_from_bans_and_from_biases_of_minus_hundred() -> None:
    params = SamplingParams().updated(
        {"custom_token_bans": "1,2", "logit_bias": {"3": -100, "4": -99.9, "5": 100}}
    )
    assert params.banned_ids == (1, 2, 3)


def test_the_table_survives_json() -> None:
    """Presets are files: what is written is what is read."""
    written = json.loads(
        json.dumps({s.name: s.default for s in SAMPLERS if s.name != "logit_bias"})
    )
    assert SamplingParams().updated(written) == SamplingParams()
