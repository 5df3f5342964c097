"""Which names a server answers to, and which web pages may call it."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from modules.settings import Settings

EVERYONE = "*"
LOCAL_DOMAINS = (".local", ".lan", ".home.arpa", ".internal")


@dataclass(frozen=True, slots=True)
class HostRule:
    """Which names the Host header may have: a page that points its own name here is kept out (DNS rebinding)."""

    allows_all: bool
    names: frozenset[str]

    @classmethod
    def from_settings(cls, settings: Settings, *, has_tunnel: bool = False) -> Self:
        names = {name.lower() for name in settings.api_allowed_hosts}
        is_open = settings.listen or has_tunnel or EVERYONE in names
        return cls(is_open and not (names - {EVERYONE}), frozenset(names))

    def allows(self, host: str) -> bool:
        return self.allows_all or (name := host_name(host)) in self.names or is_local(name)


def host_name(host: str) -> str:
    """`example.org` of `example.org:5000`, `::1` of `[::1]:5000`."""
    match = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::\d+)?|([^:]*)(?::\d+)?", host.strip())
    return "" if match is None else (match[1] or match[2] or "").lower()


def is_local(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_of_private_network(name: str) -> bool:
    """Whether no page of the internet can have this name: an address, a name without a dot, or one that only local networks give."""
    if is_local(name) or "." not in name or name.endswith(LOCAL_DOMAINS):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class OriginRule:
    """Which web pages may call: those of this machine, and those that the settings name."""

    allows_all: bool
    origins: frozenset[str]

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        origins = frozenset(origin.rstrip("/").lower() for origin in settings.api_cors_origins)
        return cls(EVERYONE in origins, origins)

    def allows(self, origin: str, host: str) -> bool:
        """`host`: the request's own; a page that came from here may call here."""
        if self.allows_all or origin.lower() in self.origins or is_own(origin, host):
            return True
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and is_local(host_name(parts.netloc))


def is_own(origin: str, host: str) -> bool:
    """Whether a page of this origin came from the server that was called as `host`, from which some proxies drop the port."""
    if not host:
        return False
    netloc = urlsplit(origin).netloc.lower()
    return host.lower() in (netloc, host_name(netloc))
