"""Ports that stay the same over a restart, where any would do."""

import socket
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from modules.core.errors import ConfigError
from modules.core.life import PORTS, leave_ports, take_ports
from modules.web.ports import open_as_before

HOSTS = ["127.0.0.1"]
FLAG = "--listen-port"


def port_of(sockets: list[socket.socket]) -> int:
    return sockets[0].getsockname()[1]


def taken_and_closed(ports: dict[str, int], port: int = 0) -> int:
    opened = open_as_before(HOSTS, port, FLAG, ports)
    with ExitStack() as stack:
        for each in opened:
            stack.enter_context(closing(each))
        return port_of(opened)


def test_any_port_is_the_one_of_before() -> None:
    ports: dict[str, int] = {}
    first = taken_and_closed(ports)
    assert ports == {FLAG: first}
    assert taken_and_closed(ports) == first


def test_one_that_somebody_has_taken_meanwhile_is_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        held = other.getsockname()[1]
        ports = {FLAG: held}
        assert taken_and_closed(ports) != held
        assert ports[FLAG] != held


def test_a_port_that_was_asked_for_is_the_one_or_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(ConfigError):
        taken_and_closed({FLAG: 1}, other.getsockname()[1])


@pytest.mark.parametrize("port", [-1, 0, 65536, 10**9])
def test_what_is_no_port_is_not_tried(port: int) -> None:
    assert taken_and_closed({FLAG: port}) > 0


def test_ports_travel_by_the_environment_and_not_further() -> None:
    environ = {"HOME": str(Path.home())}
    assert take_ports(environ) == {}
    leave_ports(environ, {"--listen-port": 7860, "--api-port": 5000})
    assert take_ports(environ) == {"--listen-port": 7860, "--api-port": 5000}
    assert PORTS not in environ
    assert take_ports({PORTS: "a=b --api-port=x --listen-port=1 ="}) == {"--listen-port": 1}
