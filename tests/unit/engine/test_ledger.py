"""Counts of tokens by day and model: what is added, kept, written and read again."""

import json
import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from modules.core.events import Usage
from modules.engine.ledger import KEPT_DAYS, Ledger, TokenCounts
from tests.unit.engine.fake_runner import PATIENCE_S

DAY = date(2026, 3, 1)
USAGE = Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=4)
ONCE = TokenCounts(requests=1, prompt_tokens=10, cached_tokens=4, completion_tokens=5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "usage.json"


def ledger_at(path: Path | None, day: date = DAY) -> Ledger:
    return Ledger(path, today=lambda: day)


def test_counts_add_up_by_day_and_model() -> None:
    days = [DAY]
    ledger = Ledger(today=lambda: days[-1])
    ledger.note("a", USAGE)
    ledger.note("a", USAGE)
    ledger.note("b", USAGE)
    days.append(DAY + timedelta(days=1))
    ledger.note("a", USAGE)
    assert ledger.read() == {
        DAY: {"a": ONCE + ONCE, "b": ONCE},
        DAY + timedelta(days=1): {"a": ONCE},
    }
    assert ONCE.total_tokens == 15


def test_saved_counts_are_there_for_the_next_start(path: Path) -> None:
    first = ledger_at(path)
    first.note("a", USAGE)
    assert not path.exists()
    first.save()
    second = ledger_at(path)
    second.note("a", USAGE)
    assert second.read() == {DAY: {"a": ONCE + ONCE}}
    assert first.read() == {DAY: {"a": ONCE}}


def test_two_servers_of_one_folder_add_to_the_same_file(path: Path) -> None:
    ledgers = [ledger_at(path), ledger_at(path)]
    for ledger in ledgers:
        ledger.note("a", USAGE)
        ledger.save()
        ledger.save()
    assert all(ledger.read() == {DAY: {"a": ONCE + ONCE}} for ledger in ledgers)


def test_nothing_but_the_file_stays_in_the_folder(path: Path) -> None:
    ledger = ledger_at(path)
    ledger.note("a", USAGE)
    ledger.save()
    assert [each.name for each in path.parent.iterdir()] == ["usage.json"]


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ledger = ledger_at(None)
    ledger.note("a", USAGE)
    ledger.save()
    assert ledger.read() == {DAY: {"a": ONCE}}
    assert list(tmp_path.iterdir()) == []


def test_without_new_counts_the_file_is_left_alone(path: Path) -> None:
    ledger_at(path).save()
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"days": []}',
        '{"days": {"yesterday": {}}}',
        '{"days": {"2026-03-01": 5}}',
        '{"days": {"2026-03-01": {"a": {"requests": -1}}}}',
        '{"days": {"2026-03-01": {"a": {"requests": true}}}}',
        '{"days": {"2026-03-01": {"a": {"requests": 1e3}}}}',
        '{"days": {"2026-03-01": {"a": {"requests": 99999999999999999999}}}}',
        "[" * 100_000,
        "\0",
    ],
)
def test_a_damaged_file_is_put_aside(
    path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_text(content)
    ledger = ledger_at(path)
    ledger.note("a", USAGE)
    with caplog.at_level(logging.WARNING):
        ledger.save()
    assert "damaged" in caplog.text
    assert path.with_suffix(".broken.json").read_text() == content
    assert ledger_at(path).read() == {DAY: {"a": ONCE}}


def test_bytes_that_are_no_text_count_as_damage(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe")
    assert ledger_at(path).read() == {}
    assert path.with_suffix(".broken.json").exists()


def test_what_cannot_be_written_now_is_written_later(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.write_text("a file in the place of the folder")
    ledger = ledger_at(path)
    ledger.note("a", USAGE)
    ledger.save()
    ledger.save()
    assert caplog.text.count("cannot be kept") == 1
    assert ledger.read() == {DAY: {"a": ONCE}}
    path.parent.unlink()
    ledger.save()
    assert ledger_at(path).read() == {DAY: {"a": ONCE}}


def test_days_long_past_are_dropped(path: Path) -> None:
    old = DAY - timedelta(days=KEPT_DAYS + 1)
    for day in (old, DAY - timedelta(days=KEPT_DAYS)):
        ledger = ledger_at(path, day)
        ledger.note("a", USAGE)
        ledger.save()
    ledger = ledger_at(path)
    assert list(ledger.read()) == [DAY - timedelta(days=KEPT_DAYS)]
    ledger.note("a", USAGE)
    ledger.save()
    kept: dict[str, Any] = json.loads(path.read_text())
    assert old.isoformat() not in kept["days"]


def test_while_it_is_kept_saved_the_end_loses_nothing(path: Path) -> None:
    ledger = ledger_at(path)
    with ledger.kept_saved(PATIENCE_S):
        ledger.note("a", USAGE)
    assert ledger_at(path).read() == {DAY: {"a": ONCE}}


def test_an_error_at_the_end_of_the_program_loses_nothing_either(path: Path) -> None:
    ledger = ledger_at(path)

    def fail() -> None:
        with ledger.kept_saved(PATIENCE_S):
            ledger.note("a", USAGE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert ledger_at(path).read() == {DAY: {"a": ONCE}}
