"""The web UI as a service of the program: its socket and its server."""

import asyncio

import uvicorn

from modules.context import AppContext


class WebUi:
    """Implements `modules.hooks.Service`."""

    name = "ui"

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._server: uvicorn.Server | None = None

    async def start(self) -> list[str]:
        from modules.ui.app import build_app

        app = await asyncio.to_thread(build_app, self._context)
        port = self._context.settings.listen_port
        config = uvicorn.Config(app, port=port, log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        return [f"UI:   http://127.0.0.1:{port}"]

    async def run(self) -> None:
        assert self._server is not None
        await self._server.serve()

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
