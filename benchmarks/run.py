"""The suite behind docs/performance.md: Hearth against llama-server and llama_cpp.server.

    python -m benchmarks.lab                                 # once
    python -m benchmarks.run --out results.json --markdown
    python -m benchmarks.run --quick                         # does everything work?

For each model: start-up and memory, streaming chat with 1, 4, 8 and 16 streams, and four new
requests at once that share a prefix of 2,000 tokens. README.md says how to read the ratios.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.cells import LoadCase, shared_prefix_case, streams_case
from benchmarks.peers import DEFAULT_LAB, OPENMP, PEERS, PeerOptions, clear_hearth_variables
from benchmarks.processes import ServerCommand, ServerError, exit_on_sigterm, free_port
from benchmarks.results import Pair, Side
from benchmarks.sessions import Journal, end_samples, measure_starts, run_cases, running_pair

MODEL_NAME = "m"
"""The name that requests carry; every server here takes any."""
OVERHEAD_MODEL = "nano"
"""So small that the server around it is what is measured."""


@dataclass(frozen=True, slots=True)
class Suite:
    """What is measured. `reps` are the paired repetitions of everything."""

    lab: Path
    models: tuple[str, ...] = (OVERHEAD_MODEL, "q05-q4_0")
    reps: int = 6
    streams: tuple[int, ...] = (1, 4, 8, 16)
    threads: int = 1

    @property
    def cases(self) -> list[LoadCase]:
        return [*map(streams_case, self.streams), shared_prefix_case()]

    def model_path(self, model: str) -> Path:
        return self.lab / "models" / f"{model}.gguf"

    def command(self, pair: Pair, side: Side) -> ServerCommand:
        """Each call takes another port."""
        name, port = pair.server(side), free_port()
        options = PeerOptions(self.model_path(pair.model), port, self.lab, self.threads)
        log = self.lab / "logs" / f"{pair.model}-{name}.log"
        return ServerCommand(name, PEERS[name](options), port, log, env=OPENMP)

    def to_settings(self) -> dict[str, Any]:
        """For the JSON file; without the lab, whose place is nobody's business."""
        settings = asdict(self)
        del settings["lab"]
        return settings


def run_suite(suite: Suite, journal: Journal) -> None:
    for model in suite.models:
        pair = Pair(model, "hearth", "llama-server")
        run_starts(suite, pair, journal)
        run_load(suite, pair, suite.cases, journal)
        if model == OVERHEAD_MODEL:
            pair = Pair(model, "hearth", "llama_cpp.server")
            run_load(suite, pair, [streams_case(8)], journal)


def run_starts(suite: Suite, pair: Pair, journal: Journal) -> None:
    read_through(suite.model_path(pair.model))
    journal.say(f"{pair.model}, starts: {suite.reps} × {pair.a} and {pair.b} ...")
    starts = measure_starts(
        pair, lambda side: suite.command(pair, side), suite.reps, model=MODEL_NAME
    )
    journal.add(starts)


def run_load(suite: Suite, pair: Pair, cases: Sequence[LoadCase], journal: Journal) -> None:
    a, b = suite.command(pair, "A"), suite.command(pair, "B")
    with running_pair({"A": a, "B": b}, MODEL_NAME) as servers:
        run_cases(pair, servers, cases, suite.reps, journal)
        journal.add(end_samples(pair, servers, rep=suite.reps))


def read_through(path: Path) -> None:
    """Brings a file into the page cache, so that no start pays for the disk."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


def missing_files(suite: Suite) -> list[Path]:
    """What the lab lacks for this suite."""
    wanted = [suite.model_path(model) for model in suite.models]
    wanted += [suite.lab / "build/bin/llama-server", suite.lab / "venv/bin/python"]
    return [path for path in wanted if not path.exists()]


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lab", type=Path, default=DEFAULT_LAB, metavar="FOLDER")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="default: nano q05-q4_0")
    parser.add_argument("--reps", type=int, help="paired repetitions (default: 6)")
    parser.add_argument("--threads", type=int, default=1, help="of each server (default: 1)")
    parser.add_argument("--quick", action="store_true", help="nano, 1 and 8 streams, once")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all raw rows there (JSON)")
    parser.add_argument("--markdown", action="store_true", help="print tables of the ratios")
    return parser.parse_args(argv)


def to_suite(options: argparse.Namespace) -> Suite:
    """What is given on the command line wins over --quick."""
    chosen: dict[str, Any] = {"lab": options.lab.resolve(), "threads": options.threads}
    if options.quick:
        chosen |= {"models": (OVERHEAD_MODEL,), "reps": 1, "streams": (1, 8)}
    if options.models:
        chosen["models"] = tuple(options.models)
    if options.reps:
        chosen["reps"] = options.reps
    return Suite(**chosen)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 1 when a server failed or a request ended with an error, 2 without a lab."""
    options = parse_options(argv)
    suite = to_suite(options)
    if missing := missing_files(suite):
        names = ", ".join(map(str, missing))
        print(f"Error: prepare a lab with python -m benchmarks.lab; missing: {names}")
        return 2
    exit_on_sigterm()
    clear_hearth_variables()
    journal = Journal(suite.to_settings(), options.out)
    try:
        run_suite(suite, journal)
    except (ServerError, subprocess.SubprocessError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    finally:
        if options.markdown and journal.samples:
            print(journal.markdown())
    return 1 if journal.has_errors else 0


if __name__ == "__main__":
    sys.exit(main())
