"""The web UI as a service of the program: its socket and its server."""

import asyncio
import socket

import uvicorn

from modules.context import AppContext
from modules.web.ports import open_sockets


class WebUi:
    """Implements `modules.hooks.Service`."""

    name = "ui"

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._server: uvicorn.Server | None = None
        self._sockets: list[socket.socket] = []

    async def start(self) -> list[str]:
        from modules.ui.app import build_app

        self._sockets = open_sockets(
            ["127.0.0.1"], self._context.settings.listen_port, "--listen-port"
        )
        app = await asyncio.to_thread(build_app, self._context)
        config = uvicorn.Config(app, log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        port = self._sockets[0].getsockname()[1]
        return [f"UI:   http://127.0.0.1:{port}"]

    async def run(self) -> None:
        assert self._server is not None
        await self._server.serve(sockets=self._sockets)

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
