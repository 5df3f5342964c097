"""What somebody asks for: `org/name`, `org/name:branch`, or the address of a page of the hub, and which of its files."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import unquote, urlsplit

from modules.core.errors import RequestError
from modules.core.options import shown

Purpose = Literal["models", "lora", "embedding", "rerank", "whisper", "speech", "image", "mmproj"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
HUB = "https://huggingface.co"
DEFAULT_REVISION = "main"
MAX_PATTERNS = 100
MAX_PATTERN_CHARS = 512

_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPOSITORY = re.compile(rf"(?:{_NAME}/)?{_NAME}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-/]{0,200}")
_PAGES = ("tree", "blob", "resolve", "raw")


@dataclass(frozen=True, slots=True)
class Wanted:
    """`files`: paths, patterns or words such as "Q4_K_M"; none of them: what the purpose usually needs."""

    repository: str
    revision: str = DEFAULT_REVISION
    files: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    purpose: Purpose = "models"
    overwrite: bool = False

    @property
    def model(self) -> str:
        """As it would be asked for."""
        is_default = self.revision == DEFAULT_REVISION
        return self.repository if is_default else f"{self.repository}:{self.revision}"

    @property
    def key(self) -> str:
        """Names its folder and its id; two hyphens cannot be in a repository's name."""
        return f"{self.purpose}--{self.repository.replace('/', '--')}"

    @property
    def folder_name(self) -> str:
        """`org_name`, with the branch where it is not the main one."""
        return self.model.replace("/", "_").replace(":", "_")


def parse_wanted(
    model: str,
    files: Sequence[str] = (),
    exclude: Sequence[str] = (),
    purpose: Purpose = "models",
    *,
    overwrite: bool = False,
) -> Wanted:
    """RequestError says what a name looks like."""
    for field, patterns in (("files", files), ("exclude", exclude)):
        _check_patterns(patterns, field)
    if "://" in model:
        repository, revision, page_files = _from_address(model)
        files = (*files, *page_files)
    else:
        repository, _, revision = model.partition(":")
        if ":" in model and not revision:
            raise _malformed("the branch after ':' is empty")
    revision = revision or DEFAULT_REVISION
    _check_names(repository, revision)
    return Wanted(repository, revision, tuple(files), tuple(exclude), purpose, overwrite)


def hub_address() -> str:
    """Of HF_ENDPOINT, without a slash at its end."""
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def _from_address(address: str) -> tuple[str, str, tuple[str, ...]]:
    """An address only names a repository: what is contacted is always HF_ENDPOINT."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
        known = {"huggingface.co", "hf.co", (urlsplit(hub_address()).hostname or "").lower()}
    except ValueError:
        raise _malformed("the address is malformed") from None
    if parts.scheme not in ("http", "https") or host not in known or "@" in parts.netloc:
        raise _malformed(f"only addresses of {hub_address()} can be fetched from")
    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    if len(segments) > 3 and segments[2] in _PAGES:
        file = "/".join(segments[4:])
        is_file = segments[2] != "tree" and bool(file)
        return "/".join(segments[:2]), segments[3], (file,) if is_file else ()
    if len(segments) > 2:
        raise _malformed("the address is not that of a model")
    return "/".join(segments), "", ()


def _check_names(repository: str, revision: str) -> None:
    is_known = _REPOSITORY.fullmatch(repository) and not repository.endswith(".git")
    if not is_known or "--" in repository or ".." in repository:
        raise _malformed(f"{shown(repository)} is no name of a repository")
    if not _REVISION.fullmatch(revision) or ".." in revision or "//" in revision:
        raise _malformed(f"{shown(revision)} is no name of a branch, tag or commit")


def _check_patterns(patterns: Sequence[str], field: str) -> None:
    if len(patterns) > MAX_PATTERNS:
        raise RequestError(f"{field} can have {MAX_PATTERNS} entries at most.", param=field)
    if not all(pattern.strip() and len(pattern) <= MAX_PATTERN_CHARS for pattern in patterns):
        raise RequestError(
            f"Each entry of {field} must have 1 to {MAX_PATTERN_CHARS} characters.", param=field
        )


def _malformed(reason: str) -> RequestError:
    return RequestError(
        f"A model to download is named org/name or org/name:branch; {reason}.", param="model"
    )
