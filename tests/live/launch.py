"""Starts `server.py` as a process of its own and talks to it; nothing here knows the program's inside."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "user_data" / "models" / "tiny-chat-Q8_0.gguf"
MODEL = DEMO.name
SHIPPED_FOLDERS = ("instruction-templates", "characters", "presets", "grammars")
PATIENCE_S = 20.0
"""Bound of every wait: far more than any of them needs, so that a busy machine fails no test."""
START_S = 120.0
"""The same for a start with the web UI, which has large libraries to read."""
ALL_TOLD = "Ctrl-C ends it."
"""The last line that is printed before serving."""


def eventually(read: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """The first true value of `read`; fails when there is none in time."""
    ends = time.monotonic() + timeout_s
    while not (value := read()):
        assert time.monotonic() < ends, "what was waited for did not happen"
        time.sleep(0.01)
    return value


@dataclass
class Server:
    """A running server: where it answers, and what it has printed."""

    process: subprocess.Popen[bytes]
    folder: Path
    urls: list[str] = field(default_factory=list)
    ui_urls: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def ui_url(self) -> str:
        return self.ui_urls[0]

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    @property
    def printed(self) -> str:
        return (self.folder / "stdout").read_text(errors="replace")

    @property
    def logged(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace")

    @property
    def user_data(self) -> Path:
        return self.folder / "user_data"

    def client(self, **options: Any) -> httpx.Client:
        options = {"base_url": self.url, "timeout": PATIENCE_S, "trust_env": False} | options
        return httpx.Client(**options)

    def health(self, **options: Any) -> dict[str, Any]:
        with self.client(**options) as client:
            return client.get("/health").json()

    def wait_until_ready(self, **options: Any) -> None:
        with self.client(**options) as client:
            eventually(lambda: self._alive() and client.get("/health").json()["model"])

    def _alive(self) -> bool:
        assert self.process.poll() is None, self.logged
        return True

    def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def make_user_data(folder: Path, models: Mapping[str, Path] | None = None) -> Path:
    """A user data folder with these models (file name -> file), the demo model where none are named; else as it ships."""
    user_data = folder / "user_data"
    (user_data / "models").mkdir(parents=True, exist_ok=True)
    for name in SHIPPED_FOLDERS:
        shutil.copytree(ROOT / "user_data" / name, user_data / name, dirs_exist_ok=True)
    for name, source in ({MODEL: DEMO} if models is None else models).items():
        target = user_data / "models" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        # With its time: what has just been changed is never the default.
        shutil.copy2(source, target)
    return user_data


def spawn(
    folder: Path,
    *flags: str,
    env: Mapping[str, str] | None = None,
    settings: str = "",
    models: Mapping[str, Path] | None = None,
) -> Server:
    """The process, with settings, environment and user data of its own, not yet waited for."""
    user_data = make_user_data(folder, models)
    (folder / "settings.yaml").write_text(settings)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENEDAI_", "SD_WEBUI"))}
    settings_file = str(folder / "settings.yaml")
    common = ["--user-data-dir", str(user_data), "--settings", settings_file, "--listen-port", "0"]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "server.py"), *common, *flags],
            cwd=ROOT,
            env={**kept, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    return Server(process, folder)


def wait_for_urls(server: Server) -> None:
    eventually(lambda: server.process.poll() is not None or ALL_TOLD in server.printed, START_S)
    server.urls = re.findall(r"^API:\s+(\S+)/v1$", server.printed, re.MULTILINE)
    server.ui_urls = re.findall(r"^UI:\s+(\S+)$", server.printed, re.MULTILINE)
    told = server.urls or server.ui_urls
    assert told, f"no URL was printed; exit {server.process.poll()}: {server.logged}"


@contextmanager
def running(folder: Path, *flags: str, is_ready: bool = True, **options: Any) -> Iterator[Server]:
    """A server with `--api` on a free port of the loopback interface, its model loaded."""
    server = spawn(folder, "--nowebui", "--api", "--api-port", "0", *flags, **options)
    try:
        wait_for_urls(server)
        if is_ready:
            server.wait_until_ready(verify=False)
        yield server
    finally:
        server.end()


@contextmanager
def running_ui(folder: Path, *flags: str, **options: Any) -> Iterator[Server]:
    """A server with its web UI and `--api`, both on free ports of the loopback interface, its model loaded, its page there."""
    server = spawn(folder, "--api", "--api-port", "0", *flags, **options)
    try:
        wait_for_urls(server)
        server.wait_until_ready(verify=False)
        # Any answer will do: it may ask for a login, or not know the name that a browser would call it by.
        httpx.get(server.ui_url, timeout=START_S, verify=False, trust_env=False)
        yield server
    finally:
        server.end()


def run_to_end(folder: Path, *flags: str, **options: Any) -> Server:
    """For starts that must fail: the process, ended. One that serves instead is told to end."""
    server = spawn(folder, *flags, **options)
    try:
        eventually(lambda: server.process.poll() is not None or ALL_TOLD in server.printed, START_S)
    finally:
        server.end()
    return server
