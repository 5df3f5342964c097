"""One HTTP server of the program: its addresses, its certificate, its end."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

import uvicorn

from modules.core.errors import ConfigError
from modules.settings import Settings

KEEP_ALIVE_S = 75
IPV4_LOCAL, IPV6_LOCAL = "127.0.0.1", "::1"
IPV4_ALL, IPV6_ALL = "0.0.0.0", "::"


class Server(uvicorn.Server):
    """Leaves signals to the program, which has more to end than this server. `is_serving` is set when it takes requests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_serving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_serving.set()


def build_server(app: Any, settings: Settings, *, grace_s: int, **options: Any) -> Server:
    """`grace_s`: how long open responses may go on after the server was told to end. ConfigError when the certificate cannot be used."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=grace_s,
        timeout_keep_alive=KEEP_ALIVE_S,
        ssl_keyfile=settings.ssl_keyfile,
        ssl_certfile=settings.ssl_certfile,
        **options,
    )
    try:
        config.load()
    except (OSError, ValueError) as error:
        raise ConfigError(f"The TLS key or certificate cannot be used: {error}") from error
    return Server(config)


def check_addresses(settings: Settings) -> None:
    """ConfigError for settings of addresses and certificates that cannot work, with the reason."""
    if bool(settings.ssl_keyfile) != bool(settings.ssl_certfile):
        raise ConfigError("--ssl-keyfile and --ssl-certfile go together.")
    for path in (settings.ssl_keyfile, settings.ssl_certfile):
        if path and not Path(path).is_file():
            raise ConfigError(f"There is no file {path}.")
    if settings.api_disable_ipv4 and not settings.api_enable_ipv6:
        raise ConfigError(
            "--api-disable-ipv4 needs --api-enable-ipv6: nothing would be listened on."
        )


def listen_hosts(settings: Settings) -> list[str]:
    if settings.listen_host and settings.listen:
        return [settings.listen_host]
    hosts = [] if settings.api_disable_ipv4 else [IPV4_ALL if settings.listen else IPV4_LOCAL]
    if settings.api_enable_ipv6:
        hosts.append(IPV6_ALL if settings.listen else IPV6_LOCAL)
    return hosts


def urls_of(sockets: list[socket.socket], settings: Settings) -> list[str]:
    """Where the sockets can be reached from this machine, without a path."""
    scheme = "https" if settings.ssl_certfile else "http"
    addresses = [bound.getsockname()[:2] for bound in sockets]
    return [f"{scheme}://{_url_host(host)}:{port}" for host, port in addresses]


def http_protocol() -> Any:
    """Ours over httptools, where that is installed (not on Windows)."""
    try:
        from modules.web.protocol import HttpProtocol
    except ImportError:
        return "auto"
    return HttpProtocol


def _url_host(host: str) -> str:
    host = {IPV4_ALL: IPV4_LOCAL, IPV6_ALL: IPV6_LOCAL}.get(host, host)
    return f"[{host}]" if ":" in host else host
