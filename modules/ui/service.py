"""The web UI as a service of the program: its sockets, its server, its end."""

import asyncio
import contextlib
import importlib.util
import logging
import re
import socket
import webbrowser

from modules.context import AppContext
from modules.core.errors import ConfigError
from modules.settings import Settings
from modules.ui.access.accounts import Accounts
from modules.ui.access.door import Desk, Door, to_subpath
from modules.ui.access.logins import PasswordCheck
from modules.ui.temporary import make_temporary_folder, remove_temporary_folder
from modules.web.ports import open_as_before
from modules.web.server import (
    Server,
    build_server,
    check_addresses,
    http_protocol,
    listen_hosts,
    urls_of,
)

log = logging.getLogger("hearth.ui")

GRACE_S = 2
"""For what is still sent when the program ends: pages keep streams open for as long as they are there."""
NO_GRADIO = "The web UI needs Gradio, which is not installed: `python3 start.py setup` installs it, --nowebui does without."
NO_SHARE = (
    "--share is not offered: a public link of Gradio needs a program that is fetched from elsewhere, and sends everything through a "
    "server of others. --listen opens the web UI to your network, --subpath serves it behind a reverse proxy of yours, and from far away "
    "`ssh -L 7860:127.0.0.1:7860 THIS_MACHINE` shows it on your own."
)
OPEN_TO_ALL = (
    "No login is set: whoever can reach this address can use the web UI, read its chats, load models and run tools. "
    "--gradio-auth NAME:PASSWORD asks for one."
)
KEYS_ARE_NOT_LOGINS = "The API's keys do not protect it."
NOBODY_HAS_A_NAME = (
    "--multi-user keeps nothing of people without a login: --gradio-auth gives them names."
)


class WebUi:
    """Implements `modules.hooks.Service`. Its port is open at once; who comes while Gradio is read waits for it."""

    name = "ui"

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._sockets: list[socket.socket] = []
        self._server: Server | None = None
        self._door: Door | None = None
        self._desk: Desk | None = None
        self._is_ending = False

    async def start(self) -> list[str]:
        settings = self._context.settings
        check_settings(settings)
        accounts = Accounts.from_settings(settings)
        hosts, ports = listen_hosts(settings), self._context.life.ports
        self._sockets = open_as_before(hosts, settings.listen_port, "--listen-port", ports)
        if accounts.are_set:
            port = self._sockets[0].getsockname()[1]
            self._desk = Desk(PasswordCheck(accounts), cookie=f"hearth-login-{port}")
        return self._describe(settings)

    async def run(self) -> None:
        from modules.ui.app import build_app

        folder = await asyncio.to_thread(make_temporary_folder)
        try:
            self._door = await asyncio.to_thread(build_app, self._context, folder, self._desk)
            self._server = build_server(
                self._door,
                self._context.settings,
                grace_s=GRACE_S,
                http=http_protocol(),
                lifespan="on",
            )
            if not self._is_ending:
                await self._serve(self._server)
        finally:
            for each in self._sockets:
                each.close()
            await asyncio.to_thread(remove_temporary_folder, folder)

    def stop(self) -> None:
        self._is_ending = True
        if self._server is not None:
            self._server.should_exit = True
        if self._door is not None:
            self._door.end()

    async def _serve(self, server: Server) -> None:
        opening = asyncio.ensure_future(self._open_browser(server))
        try:
            await server.serve(sockets=self._sockets)
        finally:
            opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await opening

    async def _open_browser(self, server: Server) -> None:
        if not self._context.settings.auto_launch:
            return
        await server.is_serving.wait()
        if not await asyncio.to_thread(webbrowser.open, self._urls()[0]):
            log.warning("No browser could be opened for --auto-launch")

    def _urls(self) -> list[str]:
        settings = self._context.settings
        return [url + to_subpath(settings.subpath) for url in urls_of(self._sockets, settings)]

    def _describe(self, settings: Settings) -> list[str]:
        lines = [f"UI:   {url}" for url in self._urls()]
        if settings.listen and self._desk is None:
            has_keys = bool(settings.api_key or settings.api_key_file or settings.admin_key)
            lines.append(f"{OPEN_TO_ALL} {KEYS_ARE_NOT_LOGINS}" if has_keys else OPEN_TO_ALL)
        if settings.multi_user and self._desk is None:
            lines.append(NOBODY_HAS_A_NAME)
        return lines


def check_settings(settings: Settings) -> None:
    """ConfigError for what cannot work, with the reason."""
    check_addresses(settings)
    if settings.share:
        raise ConfigError(NO_SHARE)
    if not re.fullmatch(r"(/?[A-Za-z0-9._~-]+)*/?", settings.subpath or ""):
        raise ConfigError("--subpath is a path such as /hearth: letters, digits, and . _ ~ - /")
    if importlib.util.find_spec("gradio") is None:
        raise ConfigError(NO_GRADIO)
