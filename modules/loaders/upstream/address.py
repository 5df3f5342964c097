"""Where an upstream server answers, from the URL that the operator gives."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpcore

from modules.core.errors import ConfigError

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """`base`: path in front of OpenAI's routes, as clients have it in `base_url`; `root`: the same without `/v1`."""

    scheme: str
    host: str
    port: int
    base: str

    @property
    def root(self) -> str:
        return self.base.removesuffix("/v1")

    @property
    def authority(self) -> str:
        """For the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        return f"{self.scheme}://{self.authority}{self.base}"

    def url(self, path: str) -> httpcore.URL:
        return httpcore.URL(
            scheme=self.scheme.encode(),
            host=self.host.encode(),
            port=self.port,
            target=path.encode(),
        )


def parse_address(text: str, setting: str = "upstream_url") -> Address:
    """ConfigError says what is wrong; it does not repeat a URL with a password in it."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise ConfigError(f"{setting} is not a URL.") from None
    _check(parts, setting)
    path = parts.path.rstrip("/")
    return Address(parts.scheme, _host(parts, setting), port or PORTS[parts.scheme], path or "/v1")


def _check(parts: SplitResult, setting: str) -> None:
    if parts.scheme not in PORTS or not parts.hostname:
        raise ConfigError(f"{setting} must be an address such as http://127.0.0.1:8080/v1.")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{setting} must not hold a password; a key goes into upstream_key.")
    if parts.query or parts.fragment:
        raise ConfigError(f"{setting} must end with its path: no ? and no #.")
    if not parts.path.isascii() or not parts.path.isprintable() or " " in parts.path:
        raise ConfigError(f"{setting} has characters that no path may have.")


def _host(parts: SplitResult, setting: str) -> str:
    host = parts.hostname or ""
    try:
        host = host if ":" in host else host.encode("idna").decode()
    except UnicodeError:
        raise ConfigError(f"{setting} has no valid host name.") from None
    if not all(char.isalnum() or char in "-._:%" for char in host):
        raise ConfigError(f"{setting} has no valid host name.")
    return host
