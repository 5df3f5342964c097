"""Which files an entry of `files` or `exclude` means: a path, a pattern with wildcards, or a word such as "Q4_K_M"."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from modules.downloads.remote import RemoteFile

_PART = re.compile(r"-\d{5}-of-\d{5}$")


def matching(pattern: str, files: Sequence[RemoteFile]) -> list[RemoteFile]:
    """In any case of letters. A word counts where the names end with it; if none does, where they have it at all."""
    wanted = pattern.lower()
    exact = [file for file in files if wanted in (file.path.lower(), file.name.lower())]
    if exact or any(sign in wanted for sign in "*?["):
        return exact or [file for file in files if _fits(wanted, file)]
    at_end = [file for file in files if _has_word(wanted, file, "$")]
    return at_end or [file for file in files if _has_word(wanted, file, r"(?=[-_.]|$)")]


def without(files: Iterable[RemoteFile], patterns: Sequence[str]) -> list[RemoteFile]:
    listed = list(files)
    unwanted = {file for pattern in patterns for file in matching(pattern, listed)}
    return [file for file in listed if file not in unwanted]


def _fits(pattern: str, file: RemoteFile) -> bool:
    return fnmatchcase(file.path.lower(), pattern) or fnmatchcase(file.name.lower(), pattern)


def _has_word(word: str, file: RemoteFile, end: str) -> bool:
    stem = _PART.sub("", file.name.rpartition(".")[0]).lower()
    return re.search(rf"(^|[-_.]){re.escape(word)}{end}", stem) is not None
