"""Names by which a model calls tools: unique, and such as OpenAI's API takes."""

import hashlib
import re
from collections.abc import Iterable

NAME_LIMIT = 64
_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]")


def python_name(own_name: str) -> str:
    return _fit(own_name, own_name)


def mcp_name(server: str, own_name: str) -> str:
    """The server stands in front, so that no server can pass its tool off as another's, and names do not change when a
    server comes or goes."""
    return _fit(f"{server}__{own_name}", f"{server}\n{own_name}")


def unique_names(wanted: Iterable[tuple[str, str]]) -> list[str]:
    """(name, what it stands for) in order -> names; of equal ones all but the first get a mark of their own."""
    taken: set[str] = set()
    names: list[str] = []
    for name, identity in wanted:
        unique = name
        while unique in taken:
            unique = _marked(name, identity)
            identity += "'"
        taken.add(unique)
        names.append(unique)
    return names


def _fit(name: str, identity: str) -> str:
    plain = _FORBIDDEN.sub("_", name)
    return plain if 0 < len(plain) <= NAME_LIMIT else _marked(plain, identity)


def _marked(name: str, identity: str) -> str:
    mark = hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{name[: NAME_LIMIT - 9]}_{mark}"
