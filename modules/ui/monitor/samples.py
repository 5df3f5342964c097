"""What the program does at one moment, in counts, and what two moments say together. Never a text or a name of a person."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from modules.engine.ledger import Days, TokenCounts
from modules.engine.traffic import RequestKind

OTHERS = "others"


@dataclass(frozen=True, slots=True)
class ModelCounts:
    """`key`: of this load; the same model loaded anew counts from 0. Tokens are since then, `prompt_tokens` of replies that have ended.
    `memory_bytes`: by estimate.
    """

    key: int
    name: str
    slots: int
    running: int = 0
    waiting: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    finished: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """Of one kind of models that do not write text. `units`: what the kind is counted in. `seconds`: of all jobs that ended."""

    kind: str
    loaded: tuple[str, ...] = ()
    loading: str | None = None
    running: int = 0
    waiting: int = 0
    finished: int = 0
    failed: int = 0
    units: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """`at`: by the monotonic clock. `memory_bytes`, `cpu_s`: of this process."""

    at: float
    models: tuple[ModelCounts, ...] = ()
    pools: tuple[PoolCounts, ...] = ()
    requests: Mapping[RequestKind, int] = field(default_factory=dict[RequestKind, int])
    memory_bytes: int = 0
    cpu_s: float = 0.0

    @property
    def running(self) -> int:
        return sum(each.running for each in (*self.models, *self.pools))

    @property
    def waiting(self) -> int:
        return sum(each.waiting for each in (*self.models, *self.pools))

    @property
    def cached_share(self) -> float | None:
        """Of the prompts' tokens, those that were in the KV cache already; None before the first prompt."""
        read = sum(model.prompt_tokens for model in self.models)
        return sum(model.cached_tokens for model in self.models) / read if read else None

    @property
    def request_count(self) -> int:
        return sum(self.requests.values())


Count = Callable[[ModelCounts], int]


def token_rates(samples: Sequence[Sample], count: Count) -> list[float]:
    """Tokens a second between each two samples. A model that was not there before counts from 0, one that left counts no more."""
    return [
        _gained(before, after, count) / _seconds(before, after) for before, after in _pairs(samples)
    ]


def request_rates(samples: Sequence[Sample]) -> list[float]:
    """HTTP requests a second."""
    return [
        (after.request_count - before.request_count) / _seconds(before, after)
        for before, after in _pairs(samples)
    ]


def cores_used(samples: Sequence[Sample]) -> list[float]:
    """Of the processor, by this process: 1 is one core all the time."""
    return [
        (after.cpu_s - before.cpu_s) / _seconds(before, after) for before, after in _pairs(samples)
    ]


def smoothed(values: Sequence[float], width: int) -> list[float]:
    """The mean of each value and of up to `width` - 1 before it."""
    found: list[float] = []
    total = 0.0
    for place, value in enumerate(values):
        total += value - (values[place - width] if place >= width else 0.0)
        found.append(max(0.0, total) / min(place + 1, width))
    return found


def padded(values: Sequence[float], length: int) -> list[float | None]:
    """The last `length`; None for what was before the first."""
    recent = list(values[-length:])
    return [None] * (length - len(recent)) + recent


@dataclass(frozen=True, slots=True)
class DailyTokens:
    """Of the last days, today last: for each the tokens of each of `names`."""

    names: tuple[str, ...]
    days: tuple[date, ...]
    tokens: tuple[tuple[int, ...], ...]

    @property
    def total(self) -> int:
        return sum(map(sum, self.tokens))


def daily_tokens(known: Days, today: date, length: int = 30, most_names: int = 5) -> DailyTokens:
    """The models with the most tokens by name, the rest of them together."""
    days = tuple(today - timedelta(days=age) for age in range(length - 1, -1, -1))
    counts = [known.get(day, {}) for day in days]
    totals: dict[str, int] = {}
    for models in counts:
        for name, tokens in models.items():
            totals[name] = totals.get(name, 0) + tokens.total_tokens
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    is_short = len(ranked) <= most_names + 1
    named = ranked if is_short else ranked[:most_names]
    names = tuple(named) if is_short else (*named, OTHERS)
    return DailyTokens(names, days, tuple(_of_day(models, named, names) for models in counts))


def _of_day(
    models: Mapping[str, TokenCounts], named: Sequence[str], names: Sequence[str]
) -> tuple[int, ...]:
    own = [models.get(name, TokenCounts()).total_tokens for name in named]
    rest = sum(tokens.total_tokens for name, tokens in models.items() if name not in named)
    return tuple([*own, rest] if len(names) > len(named) else own)


def _pairs(samples: Sequence[Sample]) -> list[tuple[Sample, Sample]]:
    return list(pairwise(samples))


def _seconds(before: Sample, after: Sample) -> float:
    return max(1e-3, after.at - before.at)


def _gained(before: Sample, after: Sample, count: Count) -> int:
    known = {model.key: count(model) for model in before.models}
    return sum(max(0, count(model) - known.get(model.key, 0)) for model in after.models)
