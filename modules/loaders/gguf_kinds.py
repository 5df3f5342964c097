"""What a GGUF file is for, remembered: folders are listed with every request that names a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modules.core.errors import LoadError
from modules.loaders.gguf_header import read_gguf_header

MAX_KNOWN = 4096

_Stamp = tuple[int, int]


class GgufKinds:
    """Reads a file's header again only when its size or time has changed. Threads may share this."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Stamp, bool]] = {}

    def is_embedder(self, path: Path) -> bool:
        """Whether it makes vectors or scores of whole texts instead of writing on; False for what cannot be read."""
        try:
            status = path.stat()
        except OSError:
            return False
        stamp = (status.st_size, status.st_mtime_ns)
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        answer = is_gguf_embedder(path)
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[path] = (stamp, answer)
        return answer


def is_gguf_embedder(path: Path) -> bool:
    try:
        return describes_embedder(read_gguf_header(path))
    except LoadError:
        return False


def describes_embedder(header: Mapping[str, Any]) -> bool:
    """By a GGUF file's metadata."""
    architecture = header.get("general.architecture", "")
    is_causal = header.get(f"{architecture}.attention.causal", True)
    return not is_causal or header.get(f"{architecture}.pooling_type", 0) != 0
