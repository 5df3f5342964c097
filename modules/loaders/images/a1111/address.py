"""Where the server is: the operator's URL, taken apart and checked once."""

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from modules.core.errors import ConfigError

DEFAULT_PORTS = {"http": 80, "https": 443}

_ODD = re.compile(r"[\x00-\x20\x7f\\]")
_KEPT_IN_PATHS = "/%:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class WebuiAddress:
    """`host`: in ASCII, without brackets. `path` stands before every route of the server, without a slash at its end.

    `authorization`: the header that a name and a password in the URL make. It is never shown.
    """

    scheme: str
    host: str
    port: int
    path: str = ""
    authorization: str | None = field(default=None, repr=False)

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """For logs and for the operator: without name and password."""
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_webui_url(text: str) -> WebuiAddress:
    """ConfigError says what is wrong, without repeating the URL: it may hold a password."""
    if _ODD.search(text):
        raise _wrong("has spaces, backslashes or control characters in it")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise _wrong("is no valid URL") from None
    if parts.scheme not in DEFAULT_PORTS or not host:
        raise _wrong("must begin with http:// or https:// and name a host")
    if parts.query or parts.fragment or port == 0:
        raise _wrong("must be scheme, host, port and perhaps a path")
    return WebuiAddress(
        parts.scheme,
        _to_ascii(host),
        port or DEFAULT_PORTS[parts.scheme],
        quote(parts.path.rstrip("/"), safe=_KEPT_IN_PATHS),
        _basic(parts.username, parts.password),
    )


def _to_ascii(host: str) -> str:
    try:
        return host.encode("ascii" if ":" in host else "idna").decode()
    except UnicodeError:
        raise _wrong("has a host that is no valid name") from None


def _basic(name: str | None, password: str | None) -> str | None:
    """RFC 7617."""
    if name is None:
        return None
    name, password = unquote(name), unquote(password or "")
    if ":" in name:
        raise _wrong("has a user name with a colon in it")
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _wrong(what: str) -> ConfigError:
    return ConfigError(
        f"sd_webui_url (SD_WEBUI_URL) {what}. Example: http://127.0.0.1:7860, or http://user:password@host:7860."
    )
