"""How many tokens each model has read and written, day by day: counts only, no texts, no names of users."""

import json
import logging
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self, cast

from modules.core.events import Usage
from modules.core.files import write_atomically

log = logging.getLogger("hearth.engine")

KEPT_DAYS = 400
SAVE_INTERVAL_S = 60.0
"""What a crash can lose."""
MAX_FILE_BYTES = 16 * 2**20
MAX_COUNT = 2**63
MAX_NAME = 1024


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """`cached_tokens`: those of the prompts that were in the KV cache already."""

    requests: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    @classmethod
    def of(cls, usage: Usage) -> Self:
        return cls(1, usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens)

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "TokenCounts") -> "TokenCounts":
        return TokenCounts(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
        )


Days = dict[date, dict[str, TokenCounts]]
"""Counts by day (UTC) and name of the model."""


class Ledger:
    """Adds up in memory and now and then writes to a file; without a path the counts last as long as the program.

    Another server of the same folder may write there too: a save adds to what the file has by then. Every method may be called
    from any thread; only `note` never blocks on the disk.
    """

    def __init__(self, path: Path | None = None, today: Callable[[], date] | None = None) -> None:
        self._path = path
        self._today = today or _utc_today
        self._unsaved: Days = {}
        self._lock = threading.Lock()  # of `_unsaved`
        self._file_lock = threading.Lock()
        self._has_warned = False

    def note(self, model: str, usage: Usage) -> None:
        with self._lock:
            _add(self._unsaved, {self._today(): {model: TokenCounts.of(usage)}})

    def read(self) -> Days:
        """All that is known, in no order. Blocking."""
        with self._file_lock:
            try:
                days = self._load()
            except OSError as error:
                self._warn(error)
                days = {}
            with self._lock:
                _add(days, self._unsaved)
        return self._recent(days)

    def save(self) -> None:
        """Blocking. What cannot be written now is kept for the next time."""
        with self._lock:
            unsaved = self._unsaved
            if self._path is None:
                self._unsaved = self._recent(unsaved)
                return
            self._unsaved = {}
        if not unsaved:
            return
        with self._file_lock:
            try:
                days = self._load()
                _add(days, unsaved)
                _write(self._path, self._recent(days))
            except OSError as error:
                self._warn(error)
                with self._lock:
                    _add(self._unsaved, unsaved)

    @contextmanager
    def kept_saved(self, interval_s: float = SAVE_INTERVAL_S) -> Generator[None]:
        """Saves from time to time, and at the end."""
        ended = threading.Event()

        def save_at_intervals() -> None:
            while not ended.wait(interval_s):
                self.save()

        thread = threading.Thread(target=save_at_intervals, name="ledger", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.save()

    def _load(self) -> Days:
        """A broken file is put aside; OSError when it cannot be read at all."""
        if self._path is None or not self._path.exists():
            return {}
        try:
            return _parse(_read(self._path))
        except (ValueError, RecursionError):
            aside = self._path.with_suffix(".broken.json")
            log.warning("%s is damaged: it is now %s, and the counts start anew", self._path, aside)
            self._path.replace(aside)
            return {}

    def _recent(self, days: Days) -> Days:
        oldest = self._today() - timedelta(days=KEPT_DAYS)
        return {day: counts for day, counts in days.items() if day >= oldest}

    def _warn(self, error: OSError) -> None:
        if not self._has_warned:
            log.warning("The counts of tokens cannot be kept in %s: %s", self._path, error.strerror)
        self._has_warned = True


def _utc_today() -> date:
    return datetime.now(UTC).date()


def _add(days: Days, more: Mapping[date, Mapping[str, TokenCounts]]) -> None:
    for day, models in more.items():
        known = days.setdefault(day, {})
        for model, counts in models.items():
            known[model] = known.get(model, TokenCounts()) + counts


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ValueError("the file is too large")
    return data.decode()


def _write(path: Path, days: Days) -> None:
    shaped = {
        "days": {
            day.isoformat(): {model: asdict(counts) for model, counts in sorted(models.items())}
            for day, models in sorted(days.items())
        }
    }
    write_atomically(path, json.dumps(shaped, indent=1))


def _parse(text: str) -> Days:
    """ValueError for anything that `_write` would not have written."""
    days = _as_object(_as_object(json.loads(text)).get("days"))
    return {
        date.fromisoformat(day): {
            model[:MAX_NAME]: _to_counts(_as_object(counts))
            for model, counts in _as_object(models).items()
        }
        for day, models in days.items()
    }


def _as_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("an object was expected")
    return cast("dict[str, Any]", value)


def _to_counts(fields: Mapping[str, Any]) -> TokenCounts:
    names = asdict(TokenCounts())
    counts = {name: fields.get(name, 0) for name in names}
    if not all(type(count) is int and 0 <= count < MAX_COUNT for count in counts.values()):
        raise ValueError("a count was expected")
    return TokenCounts(**counts)
