"""A session with two servers: starts, load cases, memory at the end; and the journal of all samples."""

import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.cells import LoadCase, in_turn, measure_case, warm_up
from benchmarks.processes import Server, ServerCommand, running
from benchmarks.results import (
    LOAD_COLUMNS,
    PEAK_COLUMN,
    SERVER_COLUMNS,
    SIDES,
    Pair,
    Sample,
    Side,
    render_line,
    render_markdown,
    summarize,
    to_row,
)

SERVER_CASE = "start and memory"


@dataclass(slots=True)
class Journal:
    """All samples so far. Prints a line for each case, and keeps `json_file` up to date."""

    settings: Mapping[str, Any]
    json_file: Path | None = None
    samples: list[Sample] = field(default_factory=list[Sample])
    _began_s: float = field(default_factory=time.monotonic)

    @property
    def has_errors(self) -> bool:
        return any(sample.errors for sample in self.samples)

    def add(self, samples: Sequence[Sample]) -> None:
        """Samples of one case or more, all repetitions together."""
        self.samples += samples
        for summary in summarize(samples):
            columns = (*LOAD_COLUMNS, *SERVER_COLUMNS, PEAK_COLUMN)
            self.say(render_line(summary, columns))
        if self.json_file is not None:
            rows = [to_row(sample) for sample in self.samples]
            document = {"settings": self.settings, "samples": rows}
            self.json_file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def say(self, text: str) -> None:
        """A line with the minutes and seconds since the journal was begun."""
        minutes, seconds = divmod(int(time.monotonic() - self._began_s), 60)
        print(f"[{minutes:3d}:{seconds:02d}] {text}", flush=True)

    def markdown(self) -> str:
        """Two tables, of the load and of the servers; ratios only."""
        groups = summarize(self.samples)
        load = [summary for summary in groups if summary.case != SERVER_CASE]
        servers = [summary for summary in groups if summary.case == SERVER_CASE]
        has_peaks = any(PEAK_COLUMN.value in sample.values for sample in self.samples)
        columns = (*SERVER_COLUMNS, PEAK_COLUMN) if has_peaks else SERVER_COLUMNS
        return render_markdown(load, LOAD_COLUMNS) + "\n\n" + render_markdown(servers, columns)


@contextmanager
def running_pair(
    commands: Mapping[Side, ServerCommand], model: str
) -> Generator[Mapping[Side, Server]]:
    """Both servers, each started while nothing is asked of the other."""
    with running(commands["A"], model) as a, running(commands["B"], model) as b:
        yield {"A": a, "B": b}


def run_cases(
    pair: Pair,
    servers: Mapping[Side, Server],
    cases: Sequence[LoadCase],
    reps: int,
    journal: Journal,
) -> None:
    """Every case, after a short load that is not counted."""
    warm_up(servers, LoadCase("warm-up", concurrency=2, requests=4, model=cases[0].model))
    for number, case in enumerate(cases):
        journal.say(f"{pair.model}, {case.name}: {reps} × {pair.a} and {pair.b} ...")
        journal.add(measure_case(pair, servers, case, reps, number))


def measure_starts(
    pair: Pair, command_of: Callable[[Side], ServerCommand], reps: int, model: str
) -> list[Sample]:
    """Starts A and B in turns that swap, each alone; memory is taken after the first reply."""
    samples: list[Sample] = []
    for rep in range(reps):
        for side in in_turn(rep):
            with running(command_of(side), model) as server:
                samples.append(Sample(pair, SERVER_CASE, rep, side, start_values(server)))
    return samples


def start_values(server: Server) -> dict[str, float]:
    return {"first_token_s": server.first_token_s, "memory_mib": server.memory_mib}


def end_samples(
    pair: Pair, servers: Mapping[Side, Server], rep: int, *, has_peaks: bool = False
) -> list[Sample]:
    """Memory after the load, and with `has_peaks` the most that was ever resident."""
    samples: list[Sample] = []
    for side in SIDES:
        values = {"end_memory_mib": servers[side].memory_mib}
        if has_peaks:
            values[PEAK_COLUMN.value] = servers[side].peak_memory_mib
        samples.append(Sample(pair, SERVER_CASE, rep, side, values))
    return samples
