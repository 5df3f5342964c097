"""Starts the drawing server as a process of its own and talks to its controls."""

import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.live.launch import PATIENCE_S, ROOT


@dataclass(frozen=True)
class DrawingServer:
    url: str
    client: httpx.Client
    process: subprocess.Popen[str]

    def behave(self, mode: str = "good", step_s: float = 0.0) -> None:
        """From now on; forgets what was asked before."""
        reply = self.client.post("/control", json={"mode": mode, "step_s": step_s})
        assert reply.status_code == 200, reply.text

    @property
    def told(self) -> dict[str, Any]:
        return self.client.get("/control").json()

    @property
    def asked(self) -> list[dict[str, Any]]:
        return self.told["asked"]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)


@contextmanager
def drawing_server(
    *flags: str, port: int = 0, verify: ssl.SSLContext | bool = True
) -> Iterator[DrawingServer]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.live.a1111.server", "--port", str(port), *flags],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert url, f"it did not start; exit {process.poll()}"
        with httpx.Client(
            base_url=url, timeout=PATIENCE_S, trust_env=False, verify=verify
        ) as client:
            yield DrawingServer(url, client, process)
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        process.stdout.close()
