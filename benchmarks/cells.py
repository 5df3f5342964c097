"""Measures two running servers in turns: the same load for each, then the other way round."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import LoadReport
from benchmarks.processes import Server
from benchmarks.results import SIDES, Pair, Sample, Side
from benchmarks.workload import Endpoint

ROOT = Path(__file__).resolve().parent.parent
SAMPLING = {"top_k": 40, "top_p": 0.95, "min_p": 0.05}
"""Sent with every request, so that servers with other defaults sample alike."""
FEWEST_REQUESTS = 6
"""In one run: on a small model fewer are over before anything can be said about them."""
WARM_UP_SEED = 0


@dataclass(frozen=True, slots=True)
class LoadCase:
    """One kind of load. Lengths are in tokens, `request_limit_s` in seconds."""

    name: str
    concurrency: int
    requests: int
    prompt_tokens: int = 128
    shared_prefix_tokens: int = 0
    max_tokens: int = 64
    endpoint: Endpoint = "chat"
    model: str = "m"
    extra: str = json.dumps(SAMPLING)
    request_limit_s: int = 300

    @property
    def limit_s(self) -> int:
        """For the whole run: each worker's requests, one after the other."""
        return self.request_limit_s * -(-self.requests // self.concurrency) + 30


def streams_case(concurrency: int, *, requests_per_stream: int = 3, **options: Any) -> LoadCase:
    """Streaming chat with `concurrency` requests in flight."""
    plural = "s" if concurrency > 1 else ""
    requests = max(FEWEST_REQUESTS, concurrency * requests_per_stream)
    return LoadCase(f"{concurrency} stream{plural}", concurrency, requests, **options)


def shared_prefix_case(prefix_tokens: int = 2000, at_once: int = 4, **options: Any) -> LoadCase:
    """New requests, all at once, that share a prefix which no server has seen before."""
    return LoadCase(
        name=f"{at_once} at once, shared prefix of {prefix_tokens:,} tokens",
        concurrency=at_once,
        requests=at_once,
        prompt_tokens=32,
        shared_prefix_tokens=prefix_tokens,
        max_tokens=32,
        **options,
    )


def measure_case(
    pair: Pair, servers: Mapping[Side, Server], case: LoadCase, reps: int, number: int
) -> list[Sample]:
    """A and B in turns that swap, both with the same prompts.

    `number` tells the cases of a run apart: with it and the repetition the seed changes, and with
    the seed all prompts and the shared prefix.
    """
    samples: list[Sample] = []
    for rep in range(reps):
        for side in in_turn(rep):
            report, values = measure(servers[side], case, seed=1 + number * 1000 + rep)
            samples.append(Sample(pair, case.name, rep, side, values, report))
    return samples


def in_turn(rep: int) -> tuple[Side, Side]:
    """Which side goes first in a repetition: the other one each time."""
    a, b = SIDES
    return (a, b) if rep % 2 else (b, a)


def warm_up(servers: Mapping[Side, Server], case: LoadCase) -> None:
    for server in servers.values():
        measure(server, case, WARM_UP_SEED)


def measure(server: Server, case: LoadCase, seed: int) -> tuple[LoadReport, dict[str, float]]:
    """One load run in a process of its own, and the CPU that the server took for it."""
    before_s = server.cpu_s
    report = run_load_process(server, case, seed)
    cpu_s = server.cpu_s - before_s
    values = to_values(report)
    if report.output_tokens and cpu_s:
        values["cpu_ms_per_token"] = 1000 * cpu_s / report.output_tokens
    return report, values


def run_load_process(server: Server, case: LoadCase, seed: int) -> LoadReport:
    """Raises subprocess.SubprocessError where the load generator fails or takes too long."""
    options = {
        "base-url": server.base_url,
        "model": case.model,
        "endpoint": case.endpoint,
        "concurrency": case.concurrency,
        "requests": case.requests,
        "prompt-tokens": case.prompt_tokens,
        "shared-prefix-tokens": case.shared_prefix_tokens,
        "max-tokens": case.max_tokens,
        "extra": case.extra,
        "seed": seed,
        "timeout-s": case.request_limit_s,
        "label": case.name,
    }
    argv = [sys.executable, "-m", "benchmarks.load"]
    argv += [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run(
        argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=case.limit_s, check=True
    )
    return LoadReport(**json.loads(done.stdout))


def to_values(report: LoadReport) -> dict[str, float]:
    """The figures of a load run that are compared; those without a basis are left out."""
    values = {"output_tok_per_s": report.output_tok_per_s}
    for name, quantiles in (("ttft", report.ttft_ms), ("itl", report.itl_ms)):
        if quantiles is not None:
            values |= {f"{name}_{at}_ms": quantiles[at] for at in ("p50", "p95")}
    return values if report.output_tokens else {}
