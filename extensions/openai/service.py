"""The API as a service: sockets, uvicorn, tunnel."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

import uvicorn
from sse_starlette.sse import AppStatus

from extensions.openai.access import Keys
from extensions.openai.app import build_app
from extensions.openai.tunnel import Tunnel
from modules.context import AppContext
from modules.core.errors import ConfigError
from modules.settings import Settings
from modules.web.ports import open_sockets

log = logging.getLogger("hearth.api")

GRACE_S = 5
IPV4_LOCAL, IPV6_LOCAL = "127.0.0.1", "::1"
IPV4_ALL, IPV6_ALL = "0.0.0.0", "::"


class _Server(uvicorn.Server):
    """Leaves signals to the program, which has more to end than this server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _http_protocol() -> Any:
    """Ours over httptools, where that is installed (not on Windows)."""
    try:
        from extensions.openai.protocol import HttpProtocol
    except ImportError:
        return "auto"
    return HttpProtocol


class ApiService:
    """Implements `modules.hooks.Service`."""

    name = "openai"

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._sockets: list[socket.socket] = []
        self._server: _Server | None = None
        self._tunnel: Tunnel | None = None

    async def start(self) -> list[str]:
        settings = self._context.settings
        check_settings(settings)
        Keys.from_settings(settings)
        self._sockets = open_sockets(listen_hosts(settings), settings.api_port, "--api-port")
        app = build_app(self._context)
        config = uvicorn.Config(
            app,
            http=_http_protocol(),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=75,
            ssl_keyfile=settings.ssl_keyfile,
            ssl_certfile=settings.ssl_certfile,
        )
        try:
            config.load()
        except (OSError, ValueError) as error:
            raise ConfigError(f"The TLS key or certificate cannot be used: {error}") from error
        self._server = _Server(config)
        return self._describe(settings)

    async def run(self) -> None:
        assert self._server is not None
        if self._context.settings.public_api:
            await self._open_tunnel()
        try:
            await self._server.serve(sockets=self._sockets)
        finally:
            if self._tunnel is not None:
                await asyncio.to_thread(self._tunnel.close)

    def stop(self) -> None:
        self._context.models.stop()  # replies end with what they have
        self._context.media.stop()
        self._context.models.give_up()
        AppStatus.should_exit = True  # streams that do not end soon are cut
        if self._server is not None:
            self._server.should_exit = True

    async def _open_tunnel(self) -> None:
        port = self._sockets[0].getsockname()[1]
        self._tunnel = Tunnel(port, self._context.settings.public_api_id)
        url = await asyncio.to_thread(self._tunnel.open)
        log.warning("Public API: %s/v1 - anyone who knows this address can call it", url)

    def _describe(self, settings: Settings) -> list[str]:
        scheme = "https" if settings.ssl_certfile else "http"
        addresses = [bound.getsockname()[:2] for bound in self._sockets]
        urls = [f"{scheme}://{_url_host(host)}:{port}" for host, port in addresses]
        lines = [f"API:  {url}/v1" for url in urls] + [f"Docs: {urls[0]}/docs"]
        if not Keys.from_settings(settings).are_set and (settings.listen or settings.public_api):
            lines.append("No API key is set: whoever can reach this address can use the model.")
        return lines


def check_settings(settings: Settings) -> None:
    """Combinations that cannot work, each with its reason."""
    if bool(settings.ssl_keyfile) != bool(settings.ssl_certfile):
        raise ConfigError("--ssl-keyfile and --ssl-certfile go together.")
    for path in (settings.ssl_keyfile, settings.ssl_certfile):
        if path and not Path(path).is_file():
            raise ConfigError(f"There is no file {path}.")
    if settings.public_api and settings.ssl_certfile:
        raise ConfigError(
            "--public-api cannot be used with --ssl-keyfile and --ssl-certfile: the tunnel brings its own "
            "HTTPS and speaks plain HTTP to this server."
        )
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


def _url_host(host: str) -> str:
    host = {IPV4_ALL: IPV4_LOCAL, IPV6_ALL: IPV6_LOCAL}.get(host, host)
    return f"[{host}]" if ":" in host else host
