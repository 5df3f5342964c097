"""Who may call: keys and their scopes."""

import hmac
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from starlette.datastructures import Headers

from modules.core.errors import AuthError, ConfigError
from modules.settings import Settings


@dataclass(frozen=True, slots=True)
class Keys:
    """`user` keys open everything but administration, unless there is no `admin` key."""

    user: tuple[str, ...]
    admin: tuple[str, ...]

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        listed = [*settings.api_key, *_read_key_file(settings.api_key_file)]
        return cls(tuple(dict.fromkeys(listed)), settings.admin_key)

    @property
    def are_set(self) -> bool:
        return bool(self.user or self.admin)

    def check(self, headers: Headers) -> bool:
        """Whether the caller is an administrator; AuthError when no key fits."""
        if not self.are_set:
            return True
        offered = _offered(headers)
        if offered is None:
            raise AuthError(
                "You didn't provide an API key. Send it as 'Authorization: Bearer YOUR_KEY'.",
                code="missing_api_key",
            )
        if _matches(offered, self.admin):
            return True
        if _matches(offered, self.user):
            return not self.admin
        raise AuthError("Incorrect API key provided.", code="invalid_api_key")


def _read_key_file(path: str | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(f"The key file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The key file {path} is not UTF-8 text.") from None
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not keys:
        raise ConfigError(f"The key file {path} has no keys.")
    return keys


def _offered(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key") or headers.get("api-key")


def _matches(offered: str, keys: Iterable[str]) -> bool:
    """Compares with every key, in constant time each."""
    sent = offered.encode("latin-1")
    found = [hmac.compare_digest(sent, form) for key in keys for form in _as_sent(key)]
    return any(found)


def _as_sent(key: str) -> Iterator[bytes]:
    """What is not ASCII comes as UTF-8 from most clients, and as Latin-1 from browsers."""
    yield key.encode(errors="surrogateescape")
    with suppress(UnicodeEncodeError):
        yield key.encode("latin-1")
