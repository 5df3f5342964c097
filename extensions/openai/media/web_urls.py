"""http and https URLs, taken apart once: what is checked is what is connected to."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urljoin, urlsplit

from extensions.openai.media.errors import blocked, invalid_url

MAX_URL_CHARS = 8192
MAX_HOST_CHARS = 253
DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(
    r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_ODD = re.compile(r"[\x00-\x20\x7f\\]")
"""Browsers and libraries read these in different ways; no URL needs them."""
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(:[0-9]*)?")
"""Host and port; no zone of a link-local address."""
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_KEPT = "!#$%&'()*+,/:;=?@[]~"
"""Characters of a path or a query that stay as they are; `%` since it is encoded already."""


@dataclass(frozen=True, slots=True)
class WebUrl:
    """`host`: a name in ASCII and small letters, or an address without brackets. `target`: path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def is_address(self) -> bool:
        return ":" in self.host or _ends_in_number(self.host)

    def follow(self, location: str) -> "WebUrl":
        """Where a redirect leads."""
        try:
            absolute = urljoin(f"{self.scheme}://{self.authority}{self.target}", location)
        except ValueError:
            raise invalid_url("it is redirected to a malformed one") from None
        return parse_web_url(absolute)


def parse_web_url(text: str) -> WebUrl:
    """RequestError for what is no such URL, has credentials, or a host in an odd spelling."""
    if len(text) > MAX_URL_CHARS:
        raise invalid_url(f"it has more than {MAX_URL_CHARS} characters")
    if _ODD.search(text):
        raise invalid_url("it has spaces, backslashes or control characters")
    try:
        parts = urlsplit(text)
        scheme, port = parts.scheme, parts.port
    except ValueError:
        raise invalid_url("it is malformed") from None
    if scheme not in DEFAULT_PORTS or "@" in parts.netloc:
        raise blocked()
    if not _PLACE.fullmatch(parts.netloc):
        raise invalid_url("its host is malformed")
    path = quote(parts.path or "/", safe=_KEPT)
    query = f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
    host = _to_host(parts.hostname or "", is_bracketed="[" in parts.netloc)
    return WebUrl(scheme, host, DEFAULT_PORTS[scheme] if port is None else port, path + query)


def _to_host(name: str, *, is_bracketed: bool) -> str:
    try:
        if is_bracketed:
            return str(IPv6Address(name))
        if len(name) > MAX_HOST_CHARS:
            raise ValueError
        host = name.encode("idna").decode("ascii").lower().removesuffix(".")
        if _ends_in_number(
            host
        ):  # 127.1, 0x7f000001, 017700000001: the system would read them as addresses
            return str(IPv4Address(host))
    except ValueError:
        raise invalid_url("its host is malformed") from None
    if len(host) > MAX_HOST_CHARS or not _HOST.fullmatch(host):
        raise invalid_url("its host is malformed")
    return host


def _ends_in_number(host: str) -> bool:
    return bool(_NUMBER.fullmatch(host.rpartition(".")[2]))
