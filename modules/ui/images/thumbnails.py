"""Small pictures of those that are kept, for pages of a gallery."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from modules.core.errors import AppError
from modules.ui.images.store import ImageOutputs

KEPT = 1000
"""Some 20 KB each."""


class Thumbnails:
    """To make one takes long, so each is made once as long as its file stays as it is. In memory; threads may share this."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[object, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, outputs: ImageOutputs, names: Sequence[str]) -> list[tuple[str, bytes]]:
        """Names and JPEGs of those that can be read. Blocking."""
        found: list[tuple[str, bytes]] = []
        for name in names:
            try:
                found.append((name, self._one(outputs, name)))
            except AppError:
                continue
        return found

    def _one(self, outputs: ImageOutputs, name: str) -> bytes:
        key = (outputs.folder, name, outputs.stamp(name))
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        made = outputs.thumbnail(name)
        with self._lock:
            self._known[key] = made
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
        return made
