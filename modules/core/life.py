"""How a face of the program asks it to end, or to begin anew."""

from collections.abc import Callable, Mapping, MutableMapping

PORTS = "HEARTH_PORTS"
"""The environment variable by which a restart tells which ports there were: `--api-port=5000 --listen-port=7860`."""


class Life:
    """Belongs to the event loop. `serve` sets `on_end`; `will_restart` is read by `server.py` when all has ended.

    `ports`: those that are listened on, or were before a restart, by the flags that choose them. Open pages and clients look for them there.
    """

    def __init__(self, ports: Mapping[str, int] | None = None) -> None:
        self.ports = dict(ports or {})
        self.will_restart = False
        self.on_end: Callable[[], None] | None = None

    @property
    def can_end(self) -> bool:
        """Whether there is something to end yet."""
        return self.on_end is not None

    def end(self, *, restart: bool = False) -> None:
        """Returns at once: services stop, models are freed, and the process ends; `restart`: the same command line runs again in its place."""
        if self.on_end is None:
            return
        self.will_restart = restart
        self.on_end()


def take_ports(environ: MutableMapping[str, str]) -> dict[str, int]:
    """What the program before this one left there; nobody else gets it from here."""
    pairs = (each.partition("=") for each in environ.pop(PORTS, "").split())
    return {flag: int(port) for flag, _, port in pairs if port.isascii() and port.isdigit()}


def leave_ports(environ: MutableMapping[str, str], ports: Mapping[str, int]) -> None:
    """For the program that comes in place of this one."""
    environ[PORTS] = " ".join(f"{flag}={port}" for flag, port in ports.items())
