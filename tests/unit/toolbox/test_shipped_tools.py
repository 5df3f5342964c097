"""The tools that come with the program do what they say."""

import json
import re
import runpy
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modules.toolbox.toolbox import Toolbox

pytestmark = pytest.mark.anyio

SHIPPED = Path(__file__).resolve().parents[3] / "user_data" / "tools"


@pytest.fixture
def shipped(tmp_path: Path) -> Toolbox:
    (tmp_path / "tools").mkdir()
    for name in ("calculator.py", "clock.py"):
        (tmp_path / "tools" / name).write_bytes((SHIPPED / name).read_bytes())
    return Toolbox(tmp_path)


@pytest.fixture(scope="module")
def calculate():
    """Without a process for each call."""
    return runpy.run_path(str(SHIPPED / "calculator.py"))["calculate"]


async def test_all_of_them_are_offered_whole(shipped: Toolbox):
    names = [tool.name for tool in await shipped.list()]
    assert names == ["calculate", "current_time", "days_between"]
    assert all(status.state == "ready" and not status.notes for status in await shipped.sources())


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("(3 + 4) * 2", "14"),
        ("7 // 2 - -1", "4"),
        ("2 ** 100", str(2**100)),
        ("sqrt(16) + max(1, 2, 3)", "7.0"),
        (" round(pi, 2)", "3.14"),
    ],
)
def test_the_calculator_calculates(calculate, expression: str, value: str):
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').getcwd()",
        "(1).__class__",
        "[1]",
        "'a' * 3",
        "True + 1",
        "9 ** 9 ** 9 ** 9",
        "2.0 ** 1e9",
        "1 / 0",
        "pi = 3",
        "sqrt(x=1)",
        "unknown",
        "",
    ],
)
def test_the_calculator_does_nothing_else(calculate, expression: str):
    with pytest.raises((ValueError, ArithmeticError, SyntaxError, TypeError)):
        calculate(expression)


async def test_the_calculator_answers_a_model(shipped: Toolbox):
    right = await shipped.call("calculate", json.dumps({"expression": "6 * 7"}))
    assert (right.text, right.is_error) == ("42", False)
    wrong = await shipped.call("calculate", json.dumps({"expression": "1 / 0"}))
    assert wrong.text.startswith("ZeroDivisionError: division by zero")


async def test_the_clock_tells_the_time(shipped: Toolbox):
    result = await shipped.call("current_time", '{"timezone": "UTC"}')
    told = re.search(r"\d{4}-\d\d-\d\d, \d\d:\d\d:\d\d", result.text)
    assert told
    time = datetime.strptime(told[0], "%Y-%m-%d, %H:%M:%S").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - time).total_seconds()) < 300
    assert not (await shipped.call("current_time", "{}")).is_error
    assert (await shipped.call("current_time", '{"timezone": "Nowhere/Here"}')).is_error


async def test_the_clock_counts_days(shipped: Toolbox):
    result = await shipped.call("days_between", '{"start": "2024-02-28", "end": "2024-03-01"}')
    assert result.text == "2"
