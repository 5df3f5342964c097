"""Which folders are text models of transformers; looks at names and configurations only."""

import json
from pathlib import Path
from typing import Any, cast

MAX_CONFIG_BYTES = 2**20
WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""Endings of architectures that write text."""
MAX_KNOWN = 4096
_Stamp = tuple[int, int]


class ModelFolders:
    """Reads a configuration again only when it has changed: folders are listed with every request that names a model. Threads may share this."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Stamp, bool]] = {}

    def below(self, folder: Path) -> list[Path]:
        """In the order of their names; what is inside of a hidden folder is none."""
        found = [config.parent for config in folder.rglob("config.json") if self._is_writer(config)]
        visible = [path for path in found if not _is_hidden(path.relative_to(folder))]
        return sorted(path for path in visible if next(path.glob("*.safetensors"), None))

    def _is_writer(self, config: Path) -> bool:
        try:
            status = config.stat()
        except OSError:
            return False
        stamp = (status.st_size, status.st_mtime_ns)
        known = self._known.get(config)
        if known is None or known[0] != stamp:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[config] = (stamp, writes_text(config))
        return known[1]


def writes_text(config: Path) -> bool:
    """By the architectures that a config.json names."""
    names = _read(config).get("architectures")
    return isinstance(names, list) and any(
        str(name).endswith(WRITERS) for name in cast("list[object]", names)
    )


def weights_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _read(config: Path) -> dict[str, Any]:
    try:
        if config.stat().st_size > MAX_CONFIG_BYTES:
            return {}
        found: object = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
