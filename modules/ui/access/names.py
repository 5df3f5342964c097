"""Under which names the web UI is served."""

from dataclasses import dataclass
from typing import Self

from modules.settings import Settings
from modules.web.access import EVERYONE, is_local, is_of_private_network


@dataclass(frozen=True, slots=True)
class NameRule:
    """Which names the Host header may have: a page of the internet that points its own name here is kept out (DNS rebinding).

    With `--listen` the names of local networks are allowed, and all with logins, since the cookie of a login belongs to one name.
    """

    allows_all: bool
    allows_network: bool
    names: frozenset[str]

    @classmethod
    def from_settings(cls, settings: Settings, *, has_logins: bool) -> Self:
        names = frozenset(name.lower() for name in settings.api_allowed_hosts)
        allows_all = EVERYONE in names or (settings.listen and has_logins and not names)
        return cls(allows_all, settings.listen, names)

    def allows(self, name: str) -> bool:
        if self.allows_all or name in self.names or is_local(name):
            return True
        return self.allows_network and is_of_private_network(name)
