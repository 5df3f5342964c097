"""Models of the Hugging Face hub that an earlier download left on this disk. Asks nobody, imports nothing.

Layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from modules.loaders.media_catalog import InstalledMedia

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def cached_folder(repository: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Its files as of the last download; None where there are none, or no weights among them."""
    folder = _cache(environment) / f"models--{repository.replace('/', '--')}"
    try:
        commit = (folder / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    snapshot = folder / "snapshots" / commit
    if not _COMMIT.fullmatch(commit) or not _is_whole(snapshot):
        return None
    return snapshot


def hub_models(organisation: str, loader: str) -> Callable[[str], InstalledMedia | None]:
    """Makes a model of a name on the hub; one without an organisation belongs to this one. None where it cannot be a name."""

    def find(name: str) -> InstalledMedia | None:
        repository = name if "/" in name else f"{organisation}/{name}"
        if not _REPOSITORY.fullmatch(repository):
            return None
        return InstalledMedia(repository, loader, cached_folder(repository))

    return find


def _cache(environment: Mapping[str, str]) -> Path:
    own = environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE")
    if own:
        return Path(own).expanduser()
    home = environment.get("HF_HOME")
    if home:
        return Path(home).expanduser() / "hub"
    caches = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "huggingface" / "hub"


def _is_whole(snapshot: Path) -> bool:
    has_config = any((snapshot / name).is_file() for name in ("modules.json", "config.json"))
    return has_config and any(path.is_file() for path in snapshot.rglob("*.safetensors"))
