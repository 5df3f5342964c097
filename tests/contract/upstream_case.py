"""A model behind HTTP, held to what every loader owes: our own server with the demo model, and an engine that passes requests on to it.

What OpenAI's API has no words for stays untested over it: the runner itself (forced tokens, slots), the probabilities of a whole
vocabulary, and refusals before the request is sent.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modules.core.options import options_of
from modules.engine.engine import Engine
from modules.engine.remote_engine import RemoteEngine
from modules.loaders.options import UpstreamOptions
from modules.loaders.upstream.address import parse_address
from modules.loaders.upstream.connection import Access
from modules.loaders.upstream.model import ConnectedModel, load_model
from modules.loaders.upstream.server import UpstreamServer
from tests.contract.loaders import CASES
from tests.live.launch import MODEL, Server, running

OPTIONS = {option.name: option.default for option in options_of(UpstreamOptions)}


class Servers:
    """Started when they are needed, and used again: a load with other options takes less than a new process."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._idle: list[Server] = []
        self._count = 0

    def take(self, options: Mapping[str, Any]) -> Server:
        server = self._idle.pop() if self._idle else self._start()
        with server.client(timeout=60) as client:
            body = {"model_name": MODEL, "args": dict(options)}
            client.post("/v1/internal/model/load", json=body).raise_for_status()
        return server

    def give_back(self, server: Server) -> None:
        self._idle.append(server)

    def close(self) -> None:
        self._stack.close()

    def _start(self) -> Server:
        folder = Path(self._stack.enter_context(TemporaryDirectory()))
        self._count += 1
        flags = ("--model", "none", "--max-queue", "1000", "--no-keep-usage")
        return self._stack.enter_context(running(folder, *flags, is_ready=False))


class PooledEngine(RemoteEngine):
    """Gives its server back when it is closed."""

    def __init__(self, model: ConnectedModel, server: Server, servers: Servers) -> None:
        super().__init__(model)
        self._server = server
        self._servers = servers

    def close(self) -> None:
        super().close()
        self._servers.give_back(self._server)


@dataclass
class UpstreamCase:
    loader: str = "upstream"
    small: Mapping[str, Any] = field(default_factory=lambda: CASES[0].small)
    _servers: Servers | None = None

    @contextmanager
    def opened(self) -> Iterator["UpstreamCase"]:
        servers = self._servers = Servers()
        try:
            yield self
        finally:
            servers.close()
            self._servers = None

    def serve(self, **options: Any) -> Engine:
        assert self._servers is not None
        server = self._servers.take(options)
        return PooledEngine(connect(server), server, self._servers)


def connect(server: Server, name: str = MODEL) -> ConnectedModel:
    """Without idle connections: each test has an event loop of its own."""
    access = Access(parse_address(server.url), timeout_s=60, idle_connections=0)
    wanted = UpstreamServer(access).choose(name)
    return load_model(wanted, OPTIONS, lambda _share: True)


UPSTREAM = UpstreamCase()
