"""Names and passwords that open the web UI."""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from modules.core.errors import ConfigError
from modules.settings import Settings


@dataclass(frozen=True, slots=True)
class Accounts:
    """`passwords`: by name. Without any, everybody who reaches the port may come in."""

    passwords: tuple[tuple[str, str], ...]

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """ConfigError for what is no pair, for a name that is there twice, for a file that cannot be read. Passwords are in no message."""
        pairs = [_to_pair(text, "--gradio-auth") for text in settings.gradio_auth]
        if settings.gradio_auth_path:
            pairs += _read_pairs(settings.gradio_auth_path)
        names = [name for name, _ in pairs]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"The login name {name} is there more than once.")
        return cls(tuple(pairs))

    @property
    def are_set(self) -> bool:
        return bool(self.passwords)

    def check(self, name: str, password: str) -> bool:
        """Compares with every account, in the same time whether the name exists or not."""
        offered = _digest(name) + _digest(password)
        found = [
            hmac.compare_digest(offered, _digest(known) + _digest(secret))
            for known, secret in self.passwords
        ]
        return any(found)


def _digest(text: str) -> bytes:
    """Of one length, so that names and passwords cannot run into each other."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _read_pairs(path: str) -> list[tuple[str, str]]:
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(f"The file of logins {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The file of logins {path} is not UTF-8 text.") from None
    pairs = [
        _to_pair(pair, f"{path}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.startswith("#")
        for pair in _split_line(line.strip())
    ]
    if not pairs:
        raise ConfigError(f"The file of logins {path} has none.")
    return pairs


def _split_line(line: str) -> list[str]:
    """Old files have several pairs in a line: commas count where each part is a pair."""
    parts = [part.strip() for part in line.split(",")]
    return parts if all(":" in part for part in parts) else [line]


def _to_pair(text: str, place: str) -> tuple[str, str]:
    name, colon, password = text.partition(":")
    if not (colon and name.strip() and password):
        raise ConfigError(
            f"{place}: a login is NAME:PASSWORD. A password with a comma belongs into the file of --gradio-auth-path."
        )
    return name.strip(), password
