"""What the log tells of errors: where they come from, not what they say."""

import pytest

from modules.core.traces import trace_of


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
