"""Server processes on loopback: start, first token, CPU and memory of the process tree, end.

Linux only: it reads /proc and the CPU clocks of other processes. `timeout` runs each server, so that none outlives its limit even when
the benchmark itself is killed.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
START_LIMIT_S = 180
STOP_LIMIT_S = 15


class ServerError(Exception):
    """A server did not start, or ended too early; the message names its log."""


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """How to start one server in the foreground. `limit_s` is how long it may live."""

    name: str
    argv: Sequence[str]
    port: int
    log: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    limit_s: int = 3 * 3600


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers. `first_token_s`: from the start of its process to its first reply."""

    name: str
    port: int
    timeout_pid: int
    first_token_s: float

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def pids(self) -> list[int]:
        """The server's own process first, then its descendants."""
        return descendants(self.timeout_pid)

    @property
    def cpu_s(self) -> float:
        """CPU seconds so far, of the processes that live now."""
        return sum(cpu_s(pid) for pid in self.pids)

    @property
    def memory_mib(self) -> float:
        """Resident memory now, the mapped parts of the model's file included."""
        return sum(resident_bytes(pid) for pid in self.pids) / 2**20

    @property
    def peak_memory_mib(self) -> float:
        """The most that each process ever had resident, summed."""
        return sum(peak_resident_bytes(pid) for pid in self.pids) / 2**20


@contextmanager
def running(command: ServerCommand, model: str) -> Generator[Server]:
    """A server that has answered its first request; ended with the block. Raises ServerError."""
    check_is_free(command.port)
    began_s = time.monotonic()
    argv = ["timeout", "--kill-after=10", str(command.limit_s), *command.argv]
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("wb") as log:
        process = subprocess.Popen(
            argv,
            env={**os.environ, **command.env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for_first_token(process, command, model)
        yield Server(command.name, command.port, process.pid, time.monotonic() - began_s)
    finally:
        stop(process)


def wait_for_first_token(
    process: subprocess.Popen[bytes], command: ServerCommand, model: str
) -> None:
    deadline_s = time.monotonic() + START_LIMIT_S
    while not has_answered(command.port, model):
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise ServerError(f"{command.name} did not start: see {command.log}")
        time.sleep(0.02)


def has_answered(port: int, model: str) -> bool:
    """Asks for one token; False where nothing listens yet or the server says that it is loading."""
    messages = [{"role": "user", "content": "hi"}]
    body = json.dumps({"model": model, "messages": messages, "max_tokens": 1})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(
            "POST", "/v1/chat/completions", body, {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        response.read()
        return response.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asks the server to end; kills what is left of its tree after STOP_LIMIT_S."""
    pids = descendants(process.pid)
    for pid in pids[:1]:
        send_signal(pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_LIMIT_S)
        return
    for pid in (*reversed(pids), process.pid):
        send_signal(pid, signal.SIGKILL)
    process.wait()


def send_signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def exit_on_sigterm() -> None:
    """Makes SIGTERM end this program as an exception does, so that its servers are ended too."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def free_port() -> int:
    """A port on loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check_is_free(port: int) -> None:
    """Raises ServerError where something listens already: it would be measured instead."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        raise ServerError(f"port {port} is in use")


def descendants(pid: int) -> list[int]:
    """Each process before its own children; empty when `pid` is gone."""
    children = children_of(pid)
    return children + [below for child in children for below in descendants(child)]


def children_of(pid: int) -> list[int]:
    """See /proc/pid/task/tid/children in proc_tid_children(5)."""
    children: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text().split())
    return children


def cpu_s(pid: int) -> float:
    """CPU seconds of all threads of a process, to the nanosecond; 0 when it is gone.

    The clock's number is what clock_getcpuclockid(3) makes of the process id on Linux.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0


def resident_bytes(pid: int) -> int:
    """0 when the process is gone. See proc_pid_statm(5)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except OSError:
        return 0


def peak_resident_bytes(pid: int) -> int:
    """0 when the process is gone. See VmHWM in proc_pid_status(5)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
