"""Two OpenAI-compatible servers on the same model, in turns: paired ratios A/B with their range.

    python -m benchmarks.compare --reps 6 --conc 1,4,8,16 \\
        --a "exec python -m benchmarks.peers hearth --model FILE.gguf --port 5770" \\
        --b "exec python -m benchmarks.peers llama-server --model FILE.gguf --port 5771"

A command is a shell line that starts a server on its port in the foreground (begin with `exec`).
Ratios under 1 are good, except for tokens/s.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cells import SAMPLING, LoadCase, shared_prefix_case, streams_case
from benchmarks.peers import DEFAULT_LAB, OPENMP, clear_hearth_variables
from benchmarks.processes import ServerCommand, ServerError, exit_on_sigterm
from benchmarks.results import SIDES, Pair, Sample, Side
from benchmarks.sessions import (
    SERVER_CASE,
    Journal,
    end_samples,
    run_cases,
    running_pair,
    start_values,
)
from benchmarks.workload import PATHS


def compare(options: argparse.Namespace, journal: Journal) -> None:
    """Everything that the options ask for, into the journal."""
    pair = Pair(options.label, options.name_a, options.name_b)
    commands: dict[Side, ServerCommand] = {side: to_command(options, side) for side in SIDES}
    with running_pair(commands, options.model) as servers:
        starts = [Sample(pair, SERVER_CASE, 0, side, start_values(servers[side])) for side in SIDES]
        journal.add(starts)
        run_cases(pair, servers, to_cases(options), options.reps, journal)
        journal.add(end_samples(pair, servers, rep=0, has_peaks=options.peaks))


def to_command(options: argparse.Namespace, side: Side) -> ServerCommand:
    suffix = side.lower()
    argv = ("bash", "-c", getattr(options, suffix))
    log = options.logs / f"compare-{suffix}.log"
    name, port = getattr(options, f"name_{suffix}"), getattr(options, f"port_{suffix}")
    return ServerCommand(name, argv, port, log, env=OPENMP)


def to_cases(options: argparse.Namespace) -> list[LoadCase]:
    cases = [
        streams_case(
            concurrency,
            requests_per_stream=options.requests_per_stream,
            prompt_tokens=options.prompt_tokens,
            max_tokens=options.max_tokens,
            endpoint=options.endpoint,
            model=options.model,
            extra=json.dumps(options.extra),
        )
        for concurrency in options.conc
    ]
    if options.shared_prefix_tokens:
        extra = json.dumps(options.extra)
        cases.append(
            shared_prefix_case(options.shared_prefix_tokens, model=options.model, extra=extra)
        )
    return cases


def to_numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for side, port in (("a", 5770), ("b", 5771)):
        parser.add_argument(f"--{side}", required=True, metavar="COMMAND")
        parser.add_argument(f"--name-{side}", default=side.upper(), metavar="NAME")
        parser.add_argument(f"--port-{side}", type=int, default=port, metavar="PORT")
    parser.add_argument("--model", default="m", help="the name that requests carry")
    parser.add_argument("--label", default="model", help="the model's name in the results")
    parser.add_argument("--conc", type=to_numbers, default=[1, 4, 8, 16], metavar="N,N")
    parser.add_argument("--reps", type=int, default=6)
    parser.add_argument("--requests-per-stream", type=int, default=3, metavar="N")
    parser.add_argument("--prompt-tokens", type=int, default=128, metavar="TOKENS")
    parser.add_argument("--max-tokens", type=int, default=64, metavar="TOKENS")
    parser.add_argument(
        "--shared-prefix-tokens",
        type=int,
        default=0,
        metavar="TOKENS",
        help="also four new requests at once that share a prefix of this length",
    )
    parser.add_argument("--endpoint", choices=tuple(PATHS), default="chat")
    parser.add_argument("--extra", type=json.loads, default=SAMPLING, metavar="JSON")
    parser.add_argument("--logs", type=Path, default=DEFAULT_LAB / "logs", metavar="FOLDER")
    parser.add_argument("--peaks", action="store_true", help="also the servers' peak memory")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all raw rows there")
    parser.add_argument("--markdown", action="store_true", help="print tables of the ratios")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 1 when a server failed or a request ended with an error."""
    options = build_parser().parse_args(argv)
    exit_on_sigterm()
    clear_hearth_variables()
    settings = {
        name: value for name, value in vars(options).items() if name not in ("logs", "json")
    }
    journal = Journal(settings, options.json)
    try:
        compare(options, journal)
    except (ServerError, subprocess.SubprocessError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    if options.markdown:
        print(journal.markdown())
    return 1 if journal.has_errors else 0


if __name__ == "__main__":
    sys.exit(main())
