"""Listening: TLS, IPv6, ports that are taken, the tunnel."""

import os
import socket
import ssl
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from tests.live.launch import Server, eventually, run_to_end
from tests.live.wire import SKY, chunks_of, error_of

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Key and certificate for this machine, as files."""
    folder = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    return str(folder / "key.pem"), str(folder / "cert.pem")


@pytest.mark.parametrize("source", ["flags", "environment"])
def test_tls(
    launch: Callable[..., Server], files: tuple[str, str], authority: trustme.CA, source: str
) -> None:
    key, cert = files
    if source == "flags":
        server = launch("--ssl-keyfile", key, "--ssl-certfile", cert)
    else:
        server = launch(env={"OPENEDAI_KEY_PATH": key, "OPENEDAI_CERT_PATH": cert})
    assert server.url.startswith("https://")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with server.client(verify=context) as client:
        assert client.get("/health").json()["status"] == "ok"
        response = client.post(CHAT, json={"messages": SKY, "stream": True, "max_tokens": 3})
        assert chunks_of(response)
    with httpx.Client(trust_env=False, timeout=10) as plain, pytest.raises(httpx.HTTPError):
        plain.get(f"http://127.0.0.1:{server.port}/health")


def refused(tmp_path: Path, *flags: str, **options: Any) -> str:
    """What a start says that must fail: one sentence, no traceback, and a status that is not 0."""
    ended = run_to_end(tmp_path, *flags, **options)
    assert ended.process.returncode in (1, 2), ended.printed + ended.logged
    assert "Traceback" not in ended.logged
    assert ended.printed == ""
    lines = [line for line in ended.logged.splitlines() if line.strip()]
    assert sum("rror: " in line for line in lines) == 1, lines
    return lines[-1]


def test_tls_and_the_tunnel_exclude_each_other(tmp_path: Path, files: tuple[str, str]) -> None:
    key, cert = files
    said = refused(
        tmp_path, *("--api-port", "0", "--public-api", "--ssl-keyfile", key, "--ssl-certfile", cert)
    )
    assert "--public-api" in said
    assert "HTTPS" in said


@pytest.mark.parametrize("wrong", ["no certificate", "no file", "not a key", "swapped"])
def test_tls_files_that_cannot_be_used(tmp_path: Path, files: tuple[str, str], wrong: str) -> None:
    key, cert = files
    (tmp_path / "text.pem").write_text("nothing")
    flags = {
        "no certificate": ("--ssl-keyfile", key),
        "no file": ("--ssl-keyfile", key, "--ssl-certfile", str(tmp_path / "none.pem")),
        "not a key": ("--ssl-keyfile", str(tmp_path / "text.pem"), "--ssl-certfile", cert),
        "swapped": ("--ssl-keyfile", cert, "--ssl-certfile", key),
    }[wrong]
    refused(tmp_path, "--api", "--api-port", "0", *flags)


def test_a_taken_port_is_named_with_its_holder(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        said = refused(tmp_path, "--api", "--api-port", str(port))
    assert f"Port {port}" in said
    assert "--api-port" in said
    if sys.platform == "linux":
        assert f"process {os.getpid()}" in said


def test_two_servers_do_not_share_a_port(tmp_path: Path, server: Server) -> None:
    said = refused(tmp_path, "--api", env={"OPENEDAI_PORT": str(server.port)})
    assert f"Port {server.port}" in said
    assert str(server.process.pid) in said


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("only", [False, True])
def test_ipv6(launch: Callable[..., Server], only: bool) -> None:
    server = launch("--api-enable-ipv6", *(["--api-disable-ipv4"] if only else []))
    six = [url for url in server.urls if "[::1]" in url]
    assert len(server.urls) == (1 if only else 2)
    assert len(six) == 1
    for url in server.urls:
        with server.client(base_url=url) as client:
            assert client.get("/health").json()["status"] == "ok"
            assert client.get("/v1/models").status_code == 200
            foreign = client.get("/v1/models", headers={"Host": "[2001:db8::1]:80"})
            assert error_of(foreign, 400)["code"] == "invalid_host"
    if only:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_no_address_at_all_is_refused(tmp_path: Path) -> None:
    assert "--api-enable-ipv6" in refused(tmp_path, "--api", "--api-disable-ipv4")


def test_only_the_loopback_interface_is_listened_on(server: Server) -> None:
    assert server.url.startswith("http://127.0.0.1:")
    with socket.socket() as other:
        # Another address of this machine is free on the same port.
        other.bind(("127.0.0.2", server.port))


# The two first lines are shell and Python at once: an interpreter's path may have spaces, which `#!` cannot take.
STUB = f"""#!/bin/sh
''''exec '{sys.executable}' "$0" "$@" # '''
import http.server, os, sys
from pathlib import Path

here = Path({{here!r}})
if sys.argv[1] in ("update", "version"):
    sys.exit(0)
address = sys.argv[sys.argv.index("--metrics") + 1].rpartition(":")
(here / "arguments").write_text(" ".join(sys.argv[1:]))
(here / "pid").write_text(str(os.getpid()))
TEXT = b'cloudflared_tunnel_user_hostnames_counts{{{{userHostname="https://stub-name.trycloudflare.com"}}}} 1\\n'
TEXT += b"cloudflared_tunnel_ha_connections 4\\n"


class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(TEXT)

    def log_message(self, *_):
        pass


http.server.HTTPServer((address[0], int(address[2])), Metrics).serve_forever()
"""


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """A `cloudflared` that opens nothing: its folder is to stand on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "cloudflared"
    program.write_text(STUB.format(here=str(folder)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("name", [None, "my-tunnel"])
def test_the_tunnel_opens_and_closes_with_the_server(
    launch: Callable[..., Server], stub: Path, name: str | None
) -> None:
    path = f"{stub}{os.pathsep}{os.environ['PATH']}"
    flags = ["--public-api", *(["--public-api-id", name] if name else [])]
    server = launch(*flags, env={"PATH": path, "NO_PROXY": "127.0.0.1"}, is_ready=False)
    expected = "preconfigured" if name else "https://stub-name.trycloudflare.com/v1"
    eventually(lambda: expected in server.printed + server.logged)
    arguments = (stub / "arguments").read_text()
    assert (f"run {name}" if name else f"http://127.0.0.1:{server.port}") in arguments
    assert "No API key is set" in server.printed
    # Who comes through the tunnel asks for the tunnel's name.
    with server.client(headers={"Host": "stub-name.trycloudflare.com"}) as client:
        eventually(lambda: client.get("/health").status_code == 200)
    pid = int((stub / "pid").read_text())
    assert _runs(pid)
    assert server.interrupt() == 0
    eventually(lambda: not _runs(pid))
