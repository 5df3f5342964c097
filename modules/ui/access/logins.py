"""Who is logged in, and how fast passwords may be tried."""

import asyncio
import ipaddress
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from modules.ui.access.accounts import Accounts

IDLE_S = 7 * 86_400
MAX_LOGINS = 10_000
MAX_ADDRESSES = 10_000
MAX_WAITING = 8
"""Attempts of one address that may stand in its line."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
FORGIVEN_AFTER_S = 900


class TooManyAttempts(Exception):
    """This address has too many attempts in its line."""


@dataclass(slots=True)
class Login:
    """`ended` is set when somebody logs out."""

    name: str
    last_use: float
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Logins:
    """The logins of this run of the program, by tokens that only their browsers know. A login that is not used for a week ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._by_token: dict[str, Login] = {}

    def open(self, name: str) -> str:
        """The token of a new login."""
        self._drop_idle()
        while len(self._by_token) >= MAX_LOGINS:
            self._by_token.pop(next(iter(self._by_token)))
        token = secrets.token_urlsafe(32)
        self._by_token[token] = Login(name, self._clock())
        return token

    def find(self, token: str | None) -> Login | None:
        """The login of this token, which is used with that; None where there is none, or none any more."""
        login = self._by_token.get(token or "")
        if login is None or self._clock() - login.last_use > IDLE_S:
            return None
        login.last_use = self._clock()
        return login

    def close(self, token: str | None) -> None:
        """In the event loop."""
        login = self._by_token.pop(token or "", None)
        if login is not None:
            login.ended.set()

    def _drop_idle(self) -> None:
        now = self._clock()
        for token in [t for t, login in self._by_token.items() if now - login.last_use > IDLE_S]:
            del self._by_token[token]


@dataclass(slots=True)
class _Line:
    """The attempts of one address go one after the other."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    failures: int = 0
    last_failure: float = 0.0


class PasswordCheck:
    """Each wrong password of an address makes it wait longer for the answer, and what it tries meanwhile waits behind."""

    def __init__(
        self,
        accounts: Accounts,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._sleep = sleep
        self._lines: dict[str, _Line] = {}

    async def check(self, address: str, name: str, password: str) -> bool:
        """TooManyAttempts when the line of the address is full."""
        line = self._line_of(to_network(address))
        if line.waiting >= MAX_WAITING:
            raise TooManyAttempts
        line.waiting += 1
        try:
            async with line.turn:
                return await self._attempt(line, name, password)
        finally:
            line.waiting -= 1

    async def _attempt(self, line: _Line, name: str, password: str) -> bool:
        if self._accounts.check(name, password):
            line.failures = 0
            return True
        if self._clock() - line.last_failure > FORGIVEN_AFTER_S:
            line.failures = 0
        line.failures += 1
        line.last_failure = self._clock()
        await self._sleep(min(FIRST_PAUSE_S * 2 ** (line.failures - 1), LONGEST_PAUSE_S))
        return False

    def _line_of(self, network: str) -> _Line:
        if network not in self._lines and len(self._lines) >= MAX_ADDRESSES:
            idle = [key for key, line in self._lines.items() if not line.waiting]
            for key in idle[: MAX_ADDRESSES // 2]:
                del self._lines[key]
        return self._lines.setdefault(network, _Line())


def to_network(address: str) -> str:
    """Whoever has one address of IPv6 has 2^64 of them: they count as one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
