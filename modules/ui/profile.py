"""What the web UI keeps between visits of a person: a small JSON file, never texts of chats."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Protocol, cast

from modules.core.errors import RequestError
from modules.core.files import write_atomically
from modules.core.sampling import SamplingParams

log = logging.getLogger("hearth.ui")


@dataclass(frozen=True, slots=True)
class Parameters:
    """How replies are generated where a chat has no settings of its own.

    `sampling`: explicit values by the samplers' names; what is not there is the server's default. `max_tokens`: None is as many as fit.
    """

    sampling: Mapping[str, Any] = field(default_factory=dict[str, Any])
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    grammar: str = ""
    can_truncate: bool = True
    preset: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """`keeps_history`: chats are files in the user data folder; else they end with the page. `character`: name of the one that new chats begin with."""

    parameters: Parameters = field(default_factory=Parameters)
    keeps_history: bool = True
    mode: str = "instruct"
    character: str = ""
    user_name: str = ""
    user_bio: str = ""
    system_message: str = ""
    chat_instruct_command: str = ""
    thinks: bool | None = None
    reasoning_effort: str = ""
    sends_on_enter: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of tabs and extensions, by names of theirs; values are JSON."""


class ProfileStore(Protocol):
    """Pages share one, each with a view of its own. Blocking."""

    def load(self) -> Profile: ...

    def update(self, change: Callable[[Profile | None], Profile]) -> None:
        """`change` gets what is kept now, None where that cannot be read, and gives what is to be kept. One at a time. OSError."""
        ...


class ProfileFile:
    """A JSON file, written whole. What cannot be read counts as not there, and is left as it is until the next change.

    `lock`: shared by all that write this file.
    """

    def __init__(self, path: Path, lock: "threading.Lock | None" = None) -> None:
        self._path = path
        self._lock = lock or threading.Lock()

    def load(self) -> Profile:
        return self._read() or Profile()

    def update(self, change: Callable[[Profile | None], Profile]) -> None:
        with self._lock:
            changed = asdict(change(self._read()))
            write_atomically(self._path, json.dumps(changed, indent=1, ensure_ascii=False))

    def _read(self) -> Profile | None:
        try:
            return to_profile(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Profile()
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s cannot be read: %s", self._path.name, type(error).__name__)
            return None


class ForgottenProfile:
    """For visitors without a name of their own: nothing is kept."""

    def load(self) -> Profile:
        return Profile()

    def update(self, change: Callable[[Profile | None], Profile]) -> None:
        pass


def to_profile(given: Any) -> Profile:
    """Unknown keys and values of a wrong type are left out. TypeError when it is no object at all."""
    if not isinstance(given, dict):
        raise TypeError("a profile is an object")
    found = cast("dict[str, Any]", given)
    return _known(Profile(), {**found, "parameters": to_parameters(found.get("parameters"))})


def to_parameters(given: Any) -> Parameters:
    """The same for parameters alone: sampling values that no sampler takes are left out too."""
    found: Parameters = _known(Parameters(), given)
    sampling = {name: value for name, value in found.sampling.items() if _is_sampling(name, value)}
    limit = found.max_tokens if type(found.max_tokens) is int and found.max_tokens > 0 else None
    return replace(found, sampling=sampling, max_tokens=limit, stop=tuple(map(str, found.stop)))


def _is_sampling(name: str, value: Any) -> bool:
    try:
        SamplingParams().updated({name: value})
    except (RequestError, KeyError):
        return False
    return True


def _known(base: Any, given: Any) -> Any:
    if not isinstance(given, dict):
        return base
    found = cast("dict[str, Any]", given)
    names = {each.name: getattr(base, each.name) for each in fields(base)}
    fitting = {n: value for n, value in found.items() if n in names and _fits(value, names[n])}
    return replace(base, **fitting)


def _fits(value: Any, default: Any) -> bool:
    if default is None:  # max_tokens, thinks
        return value is None or isinstance(value, (bool, int))
    if isinstance(default, tuple):
        return isinstance(value, (list, tuple))
    return isinstance(value, type(default))
