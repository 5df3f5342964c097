# pyright: basic
"""Attention masks for rows of different lengths in one memory."""

from typing import Any

import torch

FULL, SLIDING = "full_attention", "sliding_attention"


class Masks:
    """`kinds`: the kinds of layers that the model has; `window` in tokens, for sliding ones."""

    def __init__(self, kinds: frozenset[str], window: int | None, dtype: torch.dtype) -> None:
        self._kinds = kinds
        self._window = window
        self._dtype = dtype

    def build(self, positions: torch.Tensor, length: int) -> Any:
        """For queries at `positions` [rows, tokens] over keys 0 to `length`: one mask, or one for each kind of layer.

        A mask is [rows, 1, tokens, length]: 0 where a query sees a key, the lowest number elsewhere.
        """
        masks = {kind: self._mask(kind, positions, length) for kind in self._kinds}
        return next(iter(masks.values())) if len(masks) == 1 else masks

    def _mask(self, kind: str, positions: torch.Tensor, length: int) -> torch.Tensor:
        keys = torch.arange(length)
        queries = positions[:, None, :, None]
        is_seen = keys <= queries
        if kind == SLIDING and self._window is not None:
            is_seen = is_seen & (keys > queries - self._window)
        mask = torch.zeros(is_seen.shape, dtype=self._dtype)
        return mask.masked_fill_(~is_seen, torch.finfo(self._dtype).min)


def moved(mask: Any, device: torch.device) -> Any:
    """One mask or several, on another device."""
    if isinstance(mask, dict):
        return {kind: each.to(device) for kind, each in mask.items()}
    return mask.to(device)
