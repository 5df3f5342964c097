"""Params of an extension that people set for themselves, where several use the program."""

import threading
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from modules.core.errors import AuthError
from modules.settings import Settings


def person_named(settings: Settings, login: str | None) -> str:
    """As `Asked.person` has it: the login name with --multi-user. Empty where all share everything, and for visitors without a login."""
    return (login or "") if settings.multi_user else ""


def is_visitor(settings: Settings, login: str | None) -> bool:
    """Whether it is somebody who has nothing of their own here, and may not change what is everybody's."""
    return settings.multi_user and not login


def owner_named(settings: Settings, login: str | None) -> str:
    """The person, for who changes something. AuthError for a visitor."""
    if is_visitor(settings, login):
        raise AuthError("Only people who are logged in can change this.", is_forbidden=True)
    return person_named(settings, login)


class OwnParams:
    """Each person's view on the `params` of an extension: what they have set, else what the settings say.

    What nobody in particular sets ("", see `person_named`) is written into `params`, and holds for all who have set nothing. It
    lasts until the program ends. Threads may share this.
    """

    def __init__(self, params: dict[str, Any]) -> None:
        self._params = params
        self._own: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def of(self, person: str) -> Mapping[str, Any]:
        return ChainMap(self._own.get(person, {}), self._params)

    def set(self, person: str, name: str, value: Any) -> None:
        with self._lock:
            own = self._own.setdefault(person, {}) if person else self._params
            own[name] = value
