"""The API as a service: sockets, uvicorn, tunnel."""

import asyncio
import logging
import socket

from sse_starlette.sse import AppStatus

from extensions.openai.access import Keys
from extensions.openai.app import build_app
from extensions.openai.tunnel import Tunnel
from modules.context import AppContext
from modules.core.errors import ConfigError
from modules.settings import Settings
from modules.web.ports import open_as_before
from modules.web.server import (
    Server,
    build_server,
    check_addresses,
    http_protocol,
    listen_hosts,
    urls_of,
)

log = logging.getLogger("hearth.api")

GRACE_S = 5


class ApiService:
    """Implements `modules.hooks.Service`."""

    name = "openai"

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self.urls: list[str] = []
        """Where it answers, once it was started."""
        self._sockets: list[socket.socket] = []
        self._server: Server | None = None
        self._tunnel: Tunnel | None = None

    async def start(self) -> list[str]:
        settings = self._context.settings
        _check_settings(settings)
        Keys.from_settings(settings)
        hosts, ports = listen_hosts(settings), self._context.life.ports
        self._sockets = open_as_before(hosts, settings.api_port, "--api-port", ports)
        self._server = build_server(
            build_app(self._context),
            settings,
            grace_s=GRACE_S,
            http=http_protocol(),
            lifespan="off",
        )
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
        AppStatus.should_exit = True  # streams that do not end soon are cut
        if self._server is not None:
            self._server.should_exit = True

    async def _open_tunnel(self) -> None:
        port = self._sockets[0].getsockname()[1]
        self._tunnel = Tunnel(port, self._context.settings.public_api_id)
        url = await asyncio.to_thread(self._tunnel.open)
        log.warning("Public API: %s/v1 - anyone who knows this address can call it", url)

    def _describe(self, settings: Settings) -> list[str]:
        urls = self.urls = urls_of(self._sockets, settings)
        lines = [f"API:  {url}/v1" for url in urls] + [f"Docs: {urls[0]}/docs"]
        if not Keys.from_settings(settings).are_set and (settings.listen or settings.public_api):
            lines.append("No API key is set: whoever can reach this address can use the model.")
        return lines


def _check_settings(settings: Settings) -> None:
    """Combinations that cannot work, each with its reason."""
    check_addresses(settings)
    if settings.public_api and settings.ssl_certfile:
        raise ConfigError(
            "--public-api cannot be used with --ssl-keyfile and --ssl-certfile: the tunnel brings its own "
            "HTTPS and speaks plain HTTP to this server."
        )
