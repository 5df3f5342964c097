"""Listening sockets, and who holds a port that is taken."""

import errno
import socket
import sys
from contextlib import suppress
from pathlib import Path

from modules.core.errors import ConfigError

BACKLOG = 2048


def open_sockets(hosts: list[str], port: int, flag: str) -> list[socket.socket]:
    """One listening socket for each host, all on the same port; ConfigError when it cannot be had. `flag`: what chooses the port."""
    opened: list[socket.socket] = []
    try:
        for host in hosts:
            opened.append(_listen(host, port))
            port = port or opened[0].getsockname()[1]
    except OSError as error:
        for each in opened:
            each.close()
        raise ConfigError(_explain(error, host, port, flag)) from None  # pyright: ignore[reportPossiblyUnboundVariable]
    return opened


def open_as_before(
    hosts: list[str], port: int, flag: str, ports: dict[str, int]
) -> list[socket.socket]:
    """As `open_sockets`. `ports`: by flags, those of before a restart: where any will do (0), the same is taken if it is free. The one
    that is taken is noted there."""
    opened = [] if port else _reopened(hosts, ports.get(flag, 0), flag)
    opened = opened or open_sockets(hosts, port, flag)
    ports[flag] = opened[0].getsockname()[1]
    return opened


def _reopened(hosts: list[str], port: int, flag: str) -> list[socket.socket]:
    try:
        return open_sockets(hosts, port, flag) if 0 < port < 65536 else []
    except ConfigError:  # somebody else has it by now
        return []


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _explain(error: OSError, host: str, port: int, flag: str) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = find_holder(port)
        who = f"held by {holder}" if holder else f"taken; `lsof -i :{port}` names the program"
        hint = ""
        if sys.platform == "darwin" and port == 5000:
            hint = " On macOS it is often AirPlay Receiver, which System Settings turns off."
        return f"Port {port} is {who}. End it, or choose another port with {flag}.{hint}"
    if error.errno == errno.EACCES:
        return (
            f"Port {port} needs more rights than this user has; choose one above 1023 with {flag}."
        )
    return f"Cannot listen on {host} port {port}: {error.strerror or error}"


def find_holder(port: int) -> str | None:
    """Name and id of the process that listens on a port, from /proc; None where that cannot be seen."""
    with suppress(OSError):
        inodes = _listening_inodes(port)
        for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
            with suppress(OSError):
                target = str(descriptor.readlink())
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    process = descriptor.parent.parent
                    return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return None


def _listening_inodes(port: int) -> set[str]:
    """Column 3 of /proc/net/tcp is the state (0A: listening), column 9 the socket's inode."""
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(fields[9])
    return inodes
