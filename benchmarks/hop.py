"""What passing requests on to another server costs: Hearth in front of Hearth against Hearth alone, on the same model.

    python -m benchmarks.hop --reps 6 --conc 1,4,16 --markdown

Three servers: one alone, and a pair of which the first passes everything on to the second. Both paths compute the same, so on a tiny
model the ratios (hop to direct) show the hop itself. CPU and memory of the hop are those of the front server only. README.md says what
the figures mean; the demo model is used where no other is named.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.cells import SAMPLING, streams_case
from benchmarks.compare import to_numbers
from benchmarks.peers import DEFAULT_LAB, OPENMP, PeerOptions, clear_hearth_variables, hearth_argv
from benchmarks.processes import Server, ServerCommand, ServerError, exit_on_sigterm, running
from benchmarks.results import Pair, Side
from benchmarks.sessions import Journal, run_cases

DEMO = Path(__file__).resolve().parent.parent / "user_data/models/tiny-chat-Q8_0.gguf"
FLOOR_REQUESTS = 300
ENDLESS = {**SAMPLING, "ban_eos_token": True}
"""Replies have the same length on both sides, with models that would end them too."""


def measure(options: argparse.Namespace, journal: Journal) -> None:
    name, port = options.model.name, options.port
    alone, behind = (command(options, name, port + i) for i, name in ((0, "alone"), (1, "behind")))
    front_argv = front(options, port + 2, upstream_port=port + 1)
    passing = ServerCommand("front", front_argv, port + 2, options.logs / "hop-front.log")
    with running(alone, name) as direct, running(behind, name), running(passing, name) as hop:
        servers: dict[Side, Server] = {"A": hop, "B": direct}
        cases = [
            streams_case(
                concurrency,
                requests_per_stream=options.requests_per_stream,
                max_tokens=options.max_tokens,
                model=name,
                extra=json.dumps(ENDLESS),
            )
            for concurrency in options.conc
        ]
        floors = floor_ms(servers, name)
        journal.say(
            f"least time of a request for one token: hop {floors['A']:.2f} ms, direct {floors['B']:.2f} ms"
        )
        run_cases(Pair(options.label, "hop", "direct"), servers, cases, options.reps, journal)


def floor_ms(servers: Mapping[Side, Server], model: str) -> dict[Side, float]:
    """The least of many requests in turns, over kept connections: what is left of it on a busy machine is the path itself."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    data, least = json.dumps(body), dict.fromkeys(servers, float("inf"))
    with ExitStack() as stack:
        open_ones = {
            side: stack.enter_context(closing(HTTPConnection("127.0.0.1", server.port, timeout=60)))
            for side, server in servers.items()
        }
        for _ in range(FLOOR_REQUESTS):
            for side, connection in open_ones.items():
                began_s = time.perf_counter()
                headers = {"Content-Type": "application/json"}
                connection.request("POST", "/v1/chat/completions", data, headers)
                connection.getresponse().read()
                least[side] = min(least[side], (time.perf_counter() - began_s) * 1000)
    return least


def command(options: argparse.Namespace, name: str, port: int) -> ServerCommand:
    peer = PeerOptions(options.model, port, context_length=options.ctx_size)
    log = options.logs / f"hop-{name}.log"
    return ServerCommand(name, [*hearth_argv(peer), "--no-keep-usage"], port, log, env=OPENMP)


def front(options: argparse.Namespace, port: int, *, upstream_port: int) -> list[str]:
    python, server, *_ = hearth_argv(PeerOptions(options.model, port))
    flags = ["--api", "--api-port", str(port), "--no-keep-usage", "--loader", "upstream"]
    return [python, server, *flags, "--upstream-url", f"http://127.0.0.1:{upstream_port}"]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=DEMO, metavar="FILE")
    parser.add_argument("--label", default="demo", help="the model's name in the results")
    parser.add_argument("--ctx-size", type=int, default=2048, metavar="TOKENS")
    parser.add_argument("--port", type=int, default=5780, help="the first of three")
    parser.add_argument("--conc", type=to_numbers, default=[1, 4, 16], metavar="N,N")
    parser.add_argument("--reps", type=int, default=6)
    parser.add_argument("--requests-per-stream", type=int, default=3, metavar="N")
    parser.add_argument("--max-tokens", type=int, default=64, metavar="TOKENS")
    parser.add_argument("--logs", type=Path, default=DEFAULT_LAB / "logs", metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all raw rows there")
    parser.add_argument("--markdown", action="store_true", help="print tables of the ratios")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 1 when a server failed or a request ended with an error."""
    options = build_parser().parse_args(argv)
    exit_on_sigterm()
    clear_hearth_variables()
    settings = {name: str(value) for name, value in vars(options).items()}
    journal = Journal(settings, options.json)
    try:
        measure(options, journal)
    except (ServerError, subprocess.SubprocessError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    if options.markdown:
        print(journal.markdown())
    return 1 if journal.has_errors else 0


if __name__ == "__main__":
    sys.exit(main())
