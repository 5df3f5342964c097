"""Raw samples of pairs of servers, and the ratios that follow from them. README.md explains both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal

from benchmarks.figures import Ratio, render_table
from benchmarks.load import LoadReport

Side = Literal["A", "B"]
SIDES: tuple[Side, Side] = ("A", "B")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two servers on the same model; ratios are a / b."""

    model: str
    a: str
    b: str

    def server(self, side: Side) -> str:
        return self.a if side == "A" else self.b


@dataclass(frozen=True, slots=True)
class Sample:
    """One server, measured once. A value's name ends with its unit; what it gave no basis for is absent."""

    pair: Pair
    case: str
    rep: int
    side: Side
    values: Mapping[str, float]
    report: LoadReport | None = None

    @property
    def errors(self) -> int:
        return self.report.errors if self.report else 0


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of a table: its heading, and the value that it takes from samples."""

    heading: str
    value: str


LOAD_COLUMNS = (
    Column("tokens/s", "output_tok_per_s"),
    Column("CPU per token", "cpu_ms_per_token"),
    Column("TTFT p50", "ttft_p50_ms"),
    Column("TTFT p95", "ttft_p95_ms"),
    Column("inter-token p95", "itl_p95_ms"),
)
SERVER_COLUMNS = (
    Column("start to first token", "first_token_s"),
    Column("memory at the start", "memory_mib"),
    Column("memory after the load", "end_memory_mib"),
)
PEAK_COLUMN = Column("peak memory", "peak_memory_mib")


@dataclass(frozen=True, slots=True)
class Summary:
    """The samples of one case of one pair, repetition by repetition."""

    pair: Pair
    case: str
    samples: Sequence[Sample] = field(repr=False)

    @property
    def errors(self) -> int:
        return sum(sample.errors for sample in self.samples)

    def paired(self, value: str) -> list[tuple[float, float]]:
        """(A, B) of each repetition in which both have the value."""
        by_side: dict[Side, dict[int, float]] = {"A": {}, "B": {}}
        for sample in self.samples:
            if value in sample.values:
                by_side[sample.side][sample.rep] = sample.values[value]
        a, b = by_side["A"], by_side["B"]
        return [(a[rep], b[rep]) for rep in a if rep in b]

    def ratio(self, value: str) -> Ratio | None:
        return Ratio.of_pairs(self.paired(value))


def summarize(samples: Iterable[Sample]) -> list[Summary]:
    """One summary for each pair and case, in the order in which they were measured."""
    groups: dict[tuple[Pair, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.pair, sample.case), []).append(sample)
    return [Summary(pair, case, group) for (pair, case), group in groups.items()]


def render_line(summary: Summary, columns: Sequence[Column]) -> str:
    """For people at a terminal: what was compared, each ratio with its range, and the errors."""
    pair = summary.pair
    ratios = ((column.heading, summary.ratio(column.value)) for column in columns)
    parts = [f"{heading} {ratio}" for heading, ratio in ratios if ratio]
    starts = summary.paired("first_token_s")
    if starts:
        parts.append(f"start {median(a - b for a, b in starts):+.2f} s")
    if summary.errors:
        parts.append(f"ERRORS {summary.errors}: {error_sample(summary.samples)}")
    return f"{pair.model}, {summary.case}, {pair.a} / {pair.b}: " + "; ".join(parts)


def error_sample(samples: Iterable[Sample]) -> str:
    reports = (sample.report for sample in samples)
    return next((report.error_samples[0] for report in reports if report and report.errors), "")


def render_markdown(summaries: Sequence[Summary], columns: Sequence[Column]) -> str:
    """A table of ratios, never of times; cases in which nothing could be paired are left out."""
    rows: list[list[str]] = []
    for summary in summaries:
        ratios = [summary.ratio(column.value) for column in columns]
        if any(ratios):
            pair = summary.pair
            cells = [str(ratio) if ratio else "–" for ratio in ratios]
            rows.append([pair.model, summary.case, f"{pair.a} / {pair.b}", *cells])
    head = ["model", "case", "ratio of", *(column.heading for column in columns)]
    return render_table(head, rows)


def to_row(sample: Sample) -> dict[str, Any]:
    """All that was measured, for a JSON file."""
    return {"server": sample.pair.server(sample.side), **asdict(sample)}
