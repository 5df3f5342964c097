# pyright: basic, reportArgumentType=false, reportOptionalSubscript=false
"""KV memory of all slots in one tensor per layer, so that one forward computes the next token of them all.

Every row of a forward writes its keys and values at its own position of its own slot and reads its slot's from the beginning, as far as the longest
row goes; what lies beyond its position is masked. So nothing is moved when a request joins or leaves, and a slot can be cut anywhere. What is masked
must still be a number, since nothing times no number is none: a slot is cleared where it is left.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

GROWTH = 256
"""Tokens that the memory grows by: it is as long as the longest sequence needs, not as the context allows."""


@dataclass(slots=True)
class Rows:
    """Where the rows of the coming forward belong.

    `slots`: [rows], ascending. `positions`: [rows, tokens], of their new tokens. `length`: of the longest row, with its new tokens.
    """

    slots: Any = None
    positions: Any = None
    length: int = 0
    first: int = 0
    is_gapless: bool = False


@dataclass
class SlotRows:
    """Shared by the layers: set before each forward."""

    count: int
    rows: Rows = field(default_factory=Rows)


class SlotLayer(CacheLayerMixin):
    """keys, values: [slots, heads, capacity, head size]."""

    def __init__(self, shared: SlotRows) -> None:
        super().__init__()
        self._shared = shared

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        count = self._shared.count
        self.keys, self.values = (
            torch.zeros(
                (count, states.shape[1], GROWTH, states.shape[-1]),
                dtype=states.dtype,
                device=states.device,
            )
            for states in (key_states, value_states)
        )
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        rows = self._shared.rows
        self.keys = _grown(self.keys, rows.length)
        self.values = _grown(self.values, rows.length)
        device = key_states.device
        slots, positions = rows.slots.to(device)[:, None], rows.positions.to(device)
        # Index dimensions around a slice come first: [rows, tokens, heads, head size].
        self.keys[slots, :, positions] = key_states.transpose(1, 2)
        self.values[slots, :, positions] = value_states.transpose(1, 2)
        return self._read(self.keys), self._read(self.values)

    def _read(self, memory: torch.Tensor) -> torch.Tensor:
        rows = self._shared.rows
        if rows.is_gapless:  # a view: nothing is copied
            return memory[rows.first : rows.first + len(rows.slots), :, : rows.length]
        return memory[rows.slots.to(memory.device), :, : rows.length]

    @torch.inference_mode()
    def copy_slot(self, source: int, target: int) -> None:
        if self.is_initialized:
            self.keys[target] = self.keys[source]
            self.values[target] = self.values[source]

    @torch.inference_mode()
    def clear_slot(self, slot: int, start: int) -> None:
        """Everything from position `start` on."""
        if self.is_initialized:
            self.keys[slot, :, start:] = 0
            self.values[slot, :, start:] = 0

    def get_seq_length(self) -> int:
        rows = self._shared.rows
        return rows.length - (0 if rows.positions is None else rows.positions.shape[1])

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._shared.rows.length, 0

    def get_max_length(self) -> int:
        return -1


def _grown(memory: torch.Tensor, length: int) -> torch.Tensor:
    capacity = memory.shape[2]
    if length <= capacity:
        return memory
    wanted = max(-(-length // GROWTH) * GROWTH, min(2 * capacity, capacity + 16 * GROWTH))
    larger = memory.new_zeros((*memory.shape[:2], wanted, memory.shape[3]))
    larger[:, :, :capacity] = memory
    return larger


class SlotCache:
    """Implements `modules.loaders.slot_runner.SlotMemory`, over a transformers `Cache`."""

    min_copied = 16
    is_unified = False
    batches_rows = True
    can_continue = True

    def __init__(self, layers: int, slots: int) -> None:
        self._shared = SlotRows(slots)
        self._layers = [SlotLayer(self._shared) for _ in range(layers)]
        self._cache = Cache(layers=self._layers)

    def prepare(self, slots: list[int], starts: list[int], count: int) -> tuple[Cache, Any]:
        """The cache for a forward of `count` new tokens of each of these slots; and their positions [rows, count]."""
        positions = torch.tensor(starts)[:, None] + torch.arange(count)
        is_gapless = slots[-1] - slots[0] + 1 == len(slots)
        self._shared.rows = Rows(
            torch.tensor(slots), positions, max(starts) + count, slots[0], is_gapless
        )
        return self._cache, positions

    def can_keep(self, slot: int, computed: int, keep: int, position: int) -> bool:
        return 0 < keep <= computed

    def copy(self, source: int, target: int) -> None:
        for layer in self._layers:
            layer.copy_slot(source, target)

    def cut(self, slot: int, keep: int, computed: int, position: int) -> bool:
        for layer in self._layers:
            layer.clear_slot(slot, keep)
        return True

    def forget(self, slot: int) -> None:
        for layer in self._layers:
            layer.clear_slot(slot, 0)
