"""Numbers for people: quantiles of times, ratios of paired runs with their range, Markdown tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self, TypedDict


class Quantiles(TypedDict):
    """Milliseconds."""

    p50: float
    p95: float
    max: float


def quantiles_ms(seconds: Iterable[float]) -> Quantiles | None:
    """None where there is nothing to count."""
    ordered = sorted(seconds)
    if not ordered:
        return None

    def at(share: float) -> float:
        return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)

    return {"p50": at(0.5), "p95": at(0.95), "max": at(1)}


@dataclass(frozen=True, slots=True)
class Ratio:
    """A/B over paired runs: the median and the range."""

    median: float
    low: float
    high: float
    pairs: int

    @classmethod
    def of_pairs(cls, pairs: Iterable[tuple[float | None, float | None]]) -> Self | None:
        """Pairs in which a side has no value, or B has zero, are left out; None when none is left."""
        ratios = [a / b for a, b in pairs if a is not None and b]
        if not ratios:
            return None
        return cls(median(ratios), min(ratios), max(ratios), len(ratios))

    def __str__(self) -> str:
        if self.pairs == 1:
            return f"{self.median:.2f}"
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


def render_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell would end the cell and is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(_render_row(line) for line in lines)


def _render_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
