"""Requests per second of /v1/embeddings, against the library used directly, one text at a time.

    python -m benchmarks.embeddings                     # the bundled models, and one of a real size
    python -m benchmarks.embeddings --model NAME --texts 1 --seconds 5

`minilm-shape` has the shape of all-MiniLM-L6-v2 (22 million parameters) and random weights: what is computed takes as long.

Each client sends one request after the other over a connection of its own. The library runs in a process of its own, on the
same texts, in turns with the server. Both columns are ratios of the server to the library, the medians of the pairs with their range;
on a machine that does other work the processor time is the one to trust. The library says what one caller gets from `encode` without a
server; what goes beyond that is what gathering requests brings, what stays below is what HTTP costs.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.peers import OPENMP
from benchmarks.processes import cpu_s, free_port

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "user_data" / "embedding_models"
SHAPE = "minilm-shape"
MODELS = ("tiny-embed", "tiny-embed-F16.gguf", SHAPE)
CLIENTS = (1, 8, 32)
WORDS = [
    "the",
    "sky",
    "is",
    "blue",
    "and",
    "a",
    "small",
    "dog",
    "sleeps",
    "in",
    "the",
    "garden",
    "while",
    "it",
    "rains",
    "on",
    "the",
    "old",
    "house",
]

LIBRARY = """
import json, sys, time
path, texts = sys.argv[1], json.loads(sys.argv[2])
if path.endswith(".gguf"):
    from llama_cpp import Llama
    model = Llama(path, embedding=True, verbose=False)
    embed = lambda text: model.embed(text, normalize=True)
else:
    import torch
    from sentence_transformers import SentenceTransformer
    model = SentenceTransformer(path, device="cpu", model_kwargs={"dtype": torch.float32})
    embed = lambda text: model.encode(text, show_progress_bar=False)
for text in texts[:20]:
    embed(text)
print("ready", flush=True)
for line in sys.stdin:
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < float(line):
        embed(texts[done % len(texts)])
        done += 1
    print(done, flush=True)
"""


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        compare(options, Made(Path(folder)))
    return 0


@dataclass(frozen=True)
class Made:
    """Models that are made for this, in a folder that goes away."""

    folder: Path

    def make_model(self) -> Path:
        """The tokenizer is the tiny model's, so texts have more tokens than with a real one."""
        path = self.folder / SHAPE
        if not path.exists():
            command = [sys.executable, "-c", SHAPED, str(FOLDER / "tiny-embed"), str(path)]
            subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        return path


SHAPED = """
import sys
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertModel
made = SentenceTransformer(sys.argv[1], device="cpu")
config = BertConfig(vocab_size=1600, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
made[0].model = BertModel(config).eval()
made[1].embedding_dimension = 384
made.save(sys.argv[2])
"""


def compare(options: argparse.Namespace, made: Made) -> None:
    texts = make_texts()
    print("| model | clients | texts/s | CPU per text | p50 ms | p95 ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in options.model or MODELS:
        path = made.make_model() if name == SHAPE else FOLDER / name
        with Library(path, texts) as library, serving(path) as server:
            for clients in options.clients:
                pairs = [
                    (library.measure(options.seconds), server.measure(texts, clients, options))
                    for _ in range(options.rounds)
                ]
                print(_row(name, clients, pairs), flush=True)


@dataclass(frozen=True, slots=True)
class Measured:
    """`times`: of each request, in milliseconds."""

    texts_per_s: float
    cpu_s_per_text: float
    times: list[float]


def _row(name: str, clients: int, pairs: list[tuple[Measured, Measured]]) -> str:
    """Ratios of the server to the library, the median and the range of all pairs."""
    rates = [server.texts_per_s / alone.texts_per_s for alone, server in pairs]
    costs = [server.cpu_s_per_text / alone.cpu_s_per_text for alone, server in pairs]
    times = [each for _, server in pairs for each in server.times]
    cells = [_spread(rates), _spread(costs), _percentile(times, 50), _percentile(times, 95)]
    return f"| {name} | {clients} | {' | '.join(cells)} |"


def _spread(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


class Library:
    """The library in a process of its own, idle but while it is measured."""

    def __init__(self, path: Path, texts: list[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LIBRARY, str(path), json.dumps(texts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={**os.environ, **OPENMP},
        )
        while self._line() != "ready":
            pass

    def measure(self, seconds: float) -> Measured:
        assert self._process.stdin is not None
        before = cpu_s(self._process.pid)
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        done = int(self._line())
        cost = (cpu_s(self._process.pid) - before) / done
        return Measured(done / seconds, cost, [])

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the library's process ended")
        return line.strip()

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", help="name below user_data/embedding_models")
    parser.add_argument("--clients", type=int, nargs="+", default=list(CLIENTS))
    parser.add_argument("--texts", type=int, default=1, help="texts in each request")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=5, help="pairs of measurements")
    return parser.parse_args()


def make_texts(count: int = 200) -> list[str]:
    """Of 4 to 30 words, the same each time."""
    return [
        " ".join(WORDS[(start + step * 7) % len(WORDS)] for step in range(4 + start * 13 % 27))
        for start in range(count)
    ]


@dataclass(frozen=True)
class Server:
    url: str
    model: str
    pid: int

    def measure(self, texts: list[str], clients: int, options: argparse.Namespace) -> Measured:
        load = Load(self.url, self.model, texts, clients, options.texts)
        asyncio.run(load.run(0.5))
        start, before = time.perf_counter(), cpu_s(self.pid)
        times = asyncio.run(load.run(options.seconds))
        count = len(times) * options.texts
        seconds = time.perf_counter() - start
        return Measured(count / seconds, (cpu_s(self.pid) - before) / count, times)


@contextmanager
def serving(model: Path) -> Iterator[Server]:
    port = free_port()
    flags = ["--api", "--api-port", str(port), "--model", "none", "--embedding-model", str(model)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENEDAI_")}
    process = subprocess.Popen(
        [sys.executable, "server.py", *flags, "--no-keep-usage"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield Server(url, model.name, process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str) -> None:
    """Until the model is loaded."""
    ends = time.monotonic() + 120
    while True:
        try:
            if httpx.post(f"{url}/v1/embeddings", json={"input": "a"}, timeout=60).is_success:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > ends:
            raise SystemExit("the server did not answer")
        time.sleep(0.2)


@dataclass(frozen=True)
class Load:
    """Clients that each send one request after the other."""

    url: str
    model: str
    texts: list[str]
    clients: int
    per_request: int

    async def run(self, seconds: float) -> list[float]:
        """The time of each request, in milliseconds."""
        ends = time.perf_counter() + seconds
        found = await asyncio.gather(*(self._client(n, ends) for n in range(self.clients)))
        return [each for times in found for each in times]

    async def _client(self, number: int, ends: float) -> list[float]:
        times: list[float] = []
        sent = number * 17
        async with httpx.AsyncClient(base_url=self.url, timeout=60, trust_env=False) as http:
            while time.perf_counter() < ends:
                begun = time.perf_counter()
                (await http.post("/v1/embeddings", json=self._body(sent))).raise_for_status()
                times.append((time.perf_counter() - begun) * 1000)
                sent += self.per_request
        return times

    def _body(self, sent: int) -> dict[str, Any]:
        some = [self.texts[(sent + i) % len(self.texts)] for i in range(self.per_request)]
        return {"model": self.model, "input": some, "encoding_format": "base64"}


def _percentile(times: list[float], percent: int) -> str:
    return f"{sorted(times)[min(len(times) - 1, len(times) * percent // 100)]:.0f}"


if __name__ == "__main__":
    sys.exit(main())
