"""Load generator for OpenAI-compatible servers: prints one JSON object. Standard library only.

    python -m benchmarks.load --base-url http://127.0.0.1:8080/v1 --concurrency 8 --requests 32

Keeps --concurrency requests in flight until --requests have been sent, each on its own connection
(HTTP only, no TLS) with a prompt of its own. While the clock runs it only notes when each piece of
a reply arrived; replies are decoded after the last one has ended, so that it takes little of the
CPU that the server may need. README.md says what the figures mean.

Four new requests at once that share a prefix: --concurrency 4 --requests 4
--shared-prefix-tokens 2000, with another --seed each time.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import cast

from benchmarks.figures import Quantiles, quantiles_ms
from benchmarks.replies import Arrival, Reply, ReplyError, decode_reply
from benchmarks.workload import PATHS, Workload, make_request

LAST_CHUNK = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """One load run. Quantiles are in milliseconds, and None where nothing was counted."""

    label: str
    endpoint: str
    stream: bool
    concurrency: int
    requests: int
    ok: int
    errors: int
    error_samples: list[str]
    wall_s: float
    requests_per_s: float
    output_tok_per_s: float
    output_tokens: int
    prompt_tokens: int
    tokens_per_event: float | None
    ttft_ms: Quantiles | None
    itl_ms: Quantiles | None
    latency_ms: Quantiles | None
    client_cpu: float
    """CPU seconds of this process per second: near 1.0 the client is the limit, not the server."""


@dataclass(slots=True)
class Recording:
    """What a run leaves behind, not yet decoded; `cpu_s` is that of this process."""

    replies: list[list[Arrival]] = field(default_factory=list[list[Arrival]])
    errors: list[str] = field(default_factory=list[str])
    wall_s: float = 0
    cpu_s: float = 0


class Exchange(asyncio.Protocol):
    """One request and its reply, kept as it arrived."""

    def __init__(self, request: bytes) -> None:
        self.arrivals: list[Arrival] = []
        self.is_over = asyncio.get_running_loop().create_future()
        self._request = request
        self._transport: asyncio.Transport | None = None
        self._tail = b""
        self._began_s = time.perf_counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.arrivals.append((time.perf_counter() - self._began_s, data))
        self._tail = (self._tail + data)[-len(LAST_CHUNK) :]
        if self._tail == LAST_CHUNK:  # a server may be slow to close
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.is_over.done():
            return
        if exc is None:
            self.is_over.set_result(None)
        else:
            self.is_over.set_exception(exc)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def run_load(workload: Workload) -> LoadReport:
    recording = await record(workload)
    errors, replies = list(recording.errors), list[Reply]()
    for arrivals in recording.replies:
        try:
            replies.append(decode_reply(arrivals, is_stream=workload.stream))
        except (ReplyError, ValueError) as error:
            errors.append(render_error(error))
    return summarize(workload, recording, replies, errors)


async def record(workload: Workload) -> Recording:
    """Sends everything; a failure is counted and stops nothing."""
    requests = iter([make_request(workload, number) for number in range(workload.requests)])
    recording = Recording()
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    workers = (send_all(requests, workload, recording) for _ in range(workload.concurrency))
    await asyncio.gather(*workers)
    recording.wall_s = time.perf_counter() - wall_s
    recording.cpu_s = time.process_time() - cpu_s
    return recording


async def send_all(requests: Iterator[bytes], workload: Workload, into: Recording) -> None:
    """One of the workers: takes requests off the common iterator, one after the other."""
    for request in requests:
        exchange = Exchange(request)
        try:
            async with asyncio.timeout(workload.timeout_s):
                await exchange_bytes(exchange, workload)
            into.replies.append(exchange.arrivals)
        except OSError as error:  # TimeoutError is one
            into.errors.append(render_error(error))
        finally:
            exchange.abort()


async def exchange_bytes(exchange: Exchange, workload: Workload) -> None:
    host, port = workload.url.hostname or "127.0.0.1", workload.url.port or 80
    await asyncio.get_running_loop().create_connection(lambda: exchange, host, port)
    await exchange.is_over


def summarize(
    workload: Workload, recording: Recording, replies: Sequence[Reply], errors: Sequence[str]
) -> LoadReport:
    tokens = sum(reply.completion_tokens for reply in replies)
    times = [reply.text_at_s for reply in replies if reply.text_at_s]
    events = sum(map(len, times))
    return LoadReport(
        label=workload.label,
        endpoint=workload.endpoint,
        stream=workload.stream,
        concurrency=workload.concurrency,
        requests=workload.requests,
        ok=len(replies),
        errors=len(errors),
        error_samples=list(errors[:3]),
        wall_s=round(recording.wall_s, 3),
        requests_per_s=round(len(replies) / recording.wall_s, 3),
        output_tok_per_s=round(tokens / recording.wall_s, 2),
        output_tokens=tokens,
        prompt_tokens=sum(reply.prompt_tokens for reply in replies),
        tokens_per_event=round(tokens / events, 2) if events else None,
        ttft_ms=quantiles_ms(at_s[0] for at_s in times),
        itl_ms=quantiles_ms(b - a for at_s in times for a, b in pairwise(at_s)),
        latency_ms=quantiles_ms(reply.latency_s for reply in replies),
        client_cpu=round(recording.cpu_s / recording.wall_s, 3),
    )


def render_error(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def parse_workload(argv: Sequence[str] | None = None) -> Workload:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Workload()
    for name in ("base_url", "model", "api_key", "label"):
        parser.add_argument(flag(name), default=getattr(default, name), metavar="TEXT")
    for name in ("concurrency", "requests", "seed"):
        parser.add_argument(flag(name), type=int, default=getattr(default, name), metavar="N")
    for name in ("prompt_tokens", "shared_prefix_tokens", "max_tokens"):
        parser.add_argument(flag(name), type=int, default=getattr(default, name), metavar="TOKENS")
    parser.add_argument("--temperature", type=float, default=default.temperature, metavar="X")
    parser.add_argument("--timeout-s", type=float, default=default.timeout_s, metavar="SECONDS")
    parser.add_argument("--endpoint", choices=tuple(PATHS), default=default.endpoint)
    on_or_off = argparse.BooleanOptionalAction
    parser.add_argument("--stream", action=on_or_off, default=default.stream)
    parser.add_argument(
        "--usage", action=on_or_off, default=True, dest="has_usage", help="ask streams for usage"
    )
    parser.add_argument(
        "--extra", type=json.loads, default={}, metavar="JSON", help="merged into every request"
    )
    return Workload(**vars(parser.parse_args(argv)))


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def main() -> None:
    print(json.dumps(asdict(asyncio.run(run_load(parse_workload())))))


if __name__ == "__main__":
    main()
