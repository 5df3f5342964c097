"""Servers of the benchmarks are measured while they live, and always end. No timing is asserted."""

import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.processes import ServerCommand, ServerError, free_port, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Answers every POST, from a child process, so that the server is a tree.
SERVER = """\
import os, sys, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def server_command(folder: Path, code: str = SERVER) -> ServerCommand:
    port = free_port()
    argv = (sys.executable, "-c", code, str(port))
    return ServerCommand("scripted", argv, port, folder / "logs/server.log", limit_s=60)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_server_is_measured_as_a_tree(tmp_path):
    with running(server_command(tmp_path), "m") as server:
        assert len(server.pids) == 2
        assert os.getpid() not in server.pids
        assert server.cpu_s > 0
        assert 0 < server.memory_mib <= server.peak_memory_mib * 1.01
        child = server.pids[1]
        os.kill(child, 9)  # its parent ends with it; the block has nothing left to end
    ends = time.monotonic() + 10
    while is_alive(child):
        assert time.monotonic() < ends


def test_server_ends_with_its_block_even_after_an_error(tmp_path):
    pids: list[int] = []

    def fail_in_the_block() -> None:
        with running(server_command(tmp_path, SERVER.replace("os.fork()", "0")), "m") as server:
            pids.extend(server.pids)
            raise ValueError("the benchmark failed")

    with pytest.raises(ValueError, match="the benchmark failed"):
        fail_in_the_block()
    assert [is_alive(pid) for pid in pids] == [False]


def test_server_that_does_not_start_is_an_error_that_names_its_log(tmp_path):
    command = server_command(tmp_path, "print('no model'); raise SystemExit(3)")
    with pytest.raises(ServerError, match=r"server\.log"), running(command, "m"):
        pytest.fail("it did not start")
    assert command.log.read_text() == "no model\n"


def test_port_in_use_is_an_error(tmp_path):
    command = server_command(tmp_path, SERVER.replace("os.fork()", "0"))
    with (
        running(command, "m"),
        pytest.raises(ServerError, match="in use"),
        running(command, "m"),
    ):
        pytest.fail("it did not start")
