# pyright: basic
"""KV memory of models whose state is more than keys and values (recurrent, hybrid, chunked): one transformers cache per slot.

Such rows are computed one after the other, each by a forward of its own. What a cache holds can only be gone on from where it
stands.
"""

import copy
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache


class RowCaches:
    """Implements `modules.loaders.slot_runner.SlotMemory`.

    `can_continue`: whether several tokens at once may follow what a cache holds; some models would forget their state then.
    """

    min_copied = 16
    is_unified = False
    batches_rows = False

    def __init__(self, config: Any, *, can_continue: bool) -> None:
        self.can_continue = can_continue
        self._config = config
        self._caches: dict[int, Cache] = {}

    def prepare(self, slots: list[int], starts: list[int], count: int) -> tuple[Cache, Any]:
        """The cache of one slot, and the positions [1, count] of its new tokens."""
        (slot,), (start,) = slots, starts
        cache = self._caches.get(slot)
        if cache is None:
            cache = self._caches[slot] = DynamicCache(config=self._config)
        return cache, torch.arange(start, start + count)[None]

    def can_keep(self, slot: int, computed: int, keep: int, position: int) -> bool:
        return keep == computed > 0 and slot in self._caches

    @torch.inference_mode()
    def copy(self, source: int, target: int) -> None:
        self._caches[target] = copy.deepcopy(self._caches[source])

    def cut(self, slot: int, keep: int, computed: int, position: int) -> bool:
        return keep == computed

    def forget(self, slot: int) -> None:
        self._caches.pop(slot, None)
