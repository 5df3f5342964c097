# pyright: basic
"""Trials of a loaded model: what it computes from a shared memory, or in chunks, against a plain forward."""

import inspect
import logging
import math
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from modules.core.traces import WITH_MESSAGES
from modules.loaders.hf.masks import FULL, SLIDING, Masks, moved
from modules.loaders.hf.row_caches import RowCaches
from modules.loaders.hf.slot_cache import SlotCache

log = logging.getLogger("hearth.transformers")

TOKENS = 12
TOLERANCE = 0.05
"""Largest difference of logits, as a share of their spread, that counts as rounding."""


class Trial:
    def __init__(self, model: Any, masks: Masks, kinds: frozenset[str]) -> None:
        self._model = model
        self._masks = masks
        self._kinds = kinds
        self._config = model.config.get_text_config()
        size = self._config.vocab_size
        self._texts = [[(7 * i + 3 * row) % size for i in range(TOKENS)] for row in range(2)]
        known = inspect.signature(model.forward).parameters
        self._cache_name = "cache_params" if "cache_params" in known else "past_key_values"

    def memory(self, slots: int) -> SlotCache | RowCaches:
        """One for all slots where that computes the same, else one for each."""
        if self._has_plain_cache() and self._agrees(self._from_slots):
            return SlotCache(self._config.num_hidden_layers, slots)
        log.info("The rows of this model are computed one by one")
        return RowCaches(self._config, can_continue=self._agrees(self._in_chunks))

    def _has_plain_cache(self) -> bool:
        layers = DynamicCache(config=self._config).layers
        plain = (DynamicLayer, DynamicSlidingWindowLayer)
        return all(type(layer) in plain for layer in layers) and self._kinds <= {FULL, SLIDING}

    def _agrees(self, compute: Any) -> bool:
        try:
            return self._difference(compute) <= TOLERANCE
        except Exception:
            log.debug("A trial failed", exc_info=True, extra=WITH_MESSAGES)
            return False

    @torch.inference_mode()
    def _difference(self, compute: Any) -> float:
        """Largest difference from the plain forward, as a share of the spread of its logits."""
        worst = 0.0
        for found, ids in compute():
            inputs = torch.tensor([ids], device=self._model.device)
            expected = self._model(input_ids=inputs, use_cache=False).logits[0, -1].float()
            spread = float(expected.std()) or 1.0
            difference = float((found.float() - expected).abs().max()) / spread
            if not difference <= TOLERANCE:  # no number is no agreement either
                return math.inf
            worst = max(worst, difference)
        return worst

    def _from_slots(self) -> list[tuple[torch.Tensor, list[int]]]:
        """Two texts of different lengths in slots with a gap: the next token of both in one forward."""
        memory = SlotCache(self._config.num_hidden_layers, 3)
        lengths = [TOKENS - 1, TOKENS - 6]
        for slot, (text, length) in enumerate(zip(self._texts, lengths, strict=True)):
            self._run(memory, [2 * slot], [0], [text[:length]])
        nexts = [[text[length]] for text, length in zip(self._texts, lengths, strict=True)]
        found = self._run(memory, [0, 2], lengths, nexts)
        return [(found[row], self._texts[row][: lengths[row] + 1]) for row in range(2)]

    def _in_chunks(self) -> list[tuple[torch.Tensor, list[int]]]:
        memory, text = RowCaches(self._config, can_continue=True), self._texts[0]
        self._run(memory, [0], [0], [text[:7]])
        return [(self._run(memory, [0], [7], [text[7:]])[0], text)]

    def _run(
        self, memory: Any, slots: list[int], starts: list[int], ids: list[list[int]]
    ) -> torch.Tensor:
        """Logits of the last token of each row."""
        cache, positions = memory.prepare(slots, starts, len(ids[0]))
        options: dict[str, Any] = {self._cache_name: cache}
        if memory.batches_rows:
            mask = self._masks.build(positions, max(starts) + len(ids[0]))
            options["attention_mask"] = moved(mask, self._model.device)
        return self._model(
            input_ids=torch.tensor(ids, device=self._model.device),
            position_ids=positions.to(self._model.device),
            use_cache=True,
            **options,
        ).logits[:, -1]
