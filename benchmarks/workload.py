"""What a load run sends: prompts of plain words, and the bytes of each request."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

Endpoint = Literal["chat", "completions"]
PATHS: dict[Endpoint, str] = {"chat": "/chat/completions", "completions": "/completions"}
WORDS_TEXT = """
time year people way day man thing life child world school state family group country problem hand
part place case week company system program question work number night point home water room area
money story fact month lot right study book job word business side kind head house service power
game line end law car city community name team body girl video image message market record table
light price plan class history human
"""
WORDS = tuple(WORDS_TEXT.split())
"""After a space each is one token, in the usual BPE vocabularies and in nano's small one too."""


@dataclass(frozen=True, slots=True)
class Workload:
    """`requests` requests, `concurrency` of them in flight at once. Lengths are in tokens."""

    base_url: str = "http://127.0.0.1:8080/v1"
    model: str = "default"
    endpoint: Endpoint = "chat"
    concurrency: int = 1
    requests: int = 8
    prompt_tokens: int = 128
    shared_prefix_tokens: int = 0
    """Tokens that every prompt begins with; in a chat they are the system message."""
    max_tokens: int = 128
    stream: bool = True
    has_usage: bool = True
    """Whether streams are asked for their usage."""
    temperature: float = 0.8
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Fields that are merged into every request."""
    api_key: str = ""
    seed: int = 1
    """Other seeds make other prompts and another shared prefix, so that nothing is cached."""
    timeout_s: float = 600
    """For one request."""
    label: str = ""

    @property
    def url(self) -> SplitResult:
        return urlsplit(self.base_url.rstrip("/") + PATHS[self.endpoint])


def make_prompt(tokens: int, rng: random.Random) -> str:
    """About `tokens` tokens: as many plain words."""
    return " ".join(rng.choice(WORDS) for _ in range(max(1, tokens)))


def make_body(workload: Workload, number: int) -> dict[str, Any]:
    """The JSON body of request `number`; its own part differs from that of every other number."""
    own = make_prompt(workload.prompt_tokens, random.Random(f"own {workload.seed} {number}"))
    prefix = ""
    if workload.shared_prefix_tokens:
        rng = random.Random(f"shared {workload.seed}")
        prefix = make_prompt(workload.shared_prefix_tokens, rng)
    body: dict[str, Any] = {
        "model": workload.model,
        "max_tokens": workload.max_tokens,
        "stream": workload.stream,
        "temperature": workload.temperature,
        **workload.extra,
    }
    if workload.stream and workload.has_usage:
        body["stream_options"] = {"include_usage": True}
    if workload.endpoint == "completions":
        return {**body, "prompt": f"{prefix} {own}".strip()}
    system = [{"role": "system", "content": prefix}] if prefix else []
    return {**body, "messages": [*system, {"role": "user", "content": own}]}


def make_request(workload: Workload, number: int) -> bytes:
    """The whole HTTP/1.1 request; it asks the server to close the connection after the reply."""
    body = json.dumps(make_body(workload, number)).encode()
    lines = [
        f"POST {workload.url.path} HTTP/1.1",
        f"Host: {workload.url.netloc}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    if workload.api_key:
        lines.append(f"Authorization: Bearer {workload.api_key}")
    return "\r\n".join([*lines, "", ""]).encode() + body
