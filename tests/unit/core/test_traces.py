"""What the log tells of errors: where they come from, not what they say."""

import pytest

from modules.core.traces import stack_of, trace_of


def read(value: str) -> int:
    return int(value)


def fail(value: str) -> None:
    try:
        read(value)
    except ValueError as error:
        raise RuntimeError(f"cannot use {value}") from error


def test_a_trace_names_places_and_no_values() -> None:
    with pytest.raises(RuntimeError) as caught:
        fail("what was said")
    told = trace_of(caught.value)
    assert told.startswith("RuntimeError at test_traces.py:")
    assert "; from ValueError at test_traces.py:" in told
    assert told.endswith("in read")
    assert "said" not in told
    assert "\n" not in told


def test_an_error_that_was_never_raised_and_one_that_is_its_own_cause() -> None:
    error = ValueError("said")
    error.__cause__ = error
    assert trace_of(error) == "ValueError at an unknown place"


def test_what_failed_together_is_told_of_each() -> None:
    said = "what was said"
    failures: list[Exception] = []
    for work in (fail, read):
        with pytest.raises((RuntimeError, ValueError)) as caught:
            work(said)
        failures.append(caught.value)
    told = stack_of(ExceptionGroup(said, failures))
    assert told.count("in read") == 2
    assert "in fail" in told
    assert told.splitlines()[-1].startswith("ExceptionGroup ")
    assert said not in told
