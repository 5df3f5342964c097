"""Keys of config.yaml and config-user.yaml: the name of a model, or a regular expression for the beginning of names."""

import re
from collections.abc import Iterable


def is_name_key(key: str, name: str) -> bool:
    """Whether the key is this name itself, as it stands or as a pattern that means nothing else (`name$`)."""
    return key.removesuffix("$") in (name, re.escape(name))


def to_key(name: str) -> str:
    """`name$`, which the old web UI wrote too, where that matches the name; else with its odd characters escaped."""
    try:
        matches_itself = re.fullmatch(name, name) is not None
    except re.error:
        matches_itself = False
    return f"{name if matches_itself else re.escape(name)}$"


def matches_name(key: str, name: str) -> bool:
    """The key matches the beginning of the name, or of its last part, in any case; or it is the name. re.error: it is no pattern."""
    if is_name_key(key, name):
        return True
    lowered = name.lower()
    return any(re.match(key, each, re.IGNORECASE) for each in (lowered, lowered.rpartition("/")[2]))


def in_order(keys: Iterable[str], name: str) -> list[str]:
    """Patterns in their order, then keys that are the name itself: what comes later wins."""
    return sorted(keys, key=lambda key: is_name_key(key, name))
