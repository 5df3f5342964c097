"""Which slot a new request takes, and which cached tokens it starts from. Pure decisions, no library.

A slot's KV memory holds the tokens of its last request. A new request that begins alike takes them over: in
the same slot when it is free, else by a copy from the other slot, a busy one too. Where nothing is shared, an empty
slot is better than one whose cache may still be asked for; the lowest number keeps the batch gapless.
"""

from collections.abc import Iterable
from dataclasses import dataclass

MIN_SHARED = 16
"""A shorter common beginning (a BOS, a role marker) is not worth a copy or a wait."""


@dataclass(frozen=True, slots=True)
class SlotView:
    """What the choice needs to know of a slot.

    `tokens`: those that are, or soon will be, in its KV memory; `computed`: how many are there now.
    """

    index: int
    tokens: list[int]
    computed: int
    is_busy: bool
    last_used: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`slot` to take. `source` has `keep` tokens to start from (it may be `slot` itself), once it has computed them."""

    slot: int
    source: int | None
    keep: int


def common_prefix(a: list[int], b: list[int]) -> int:
    """Length of the common beginning; compares slices, which runs in C."""
    low, high = 0, min(len(a), len(b))
    if a[:high] == b[:high]:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def best_source(views: Iterable[SlotView], prompt: list[int]) -> tuple[SlotView | None, int]:
    """The slot that shares the longest beginning with the prompt, and its length; (None, 0) when it is too short.

    At least one token of the prompt is left to compute.
    """
    best, keep = None, MIN_SHARED - 1
    for view in views:
        shared = min(common_prefix(view.tokens, prompt), len(prompt) - 1)
        if shared > keep or (shared == keep and best is not None and best.is_busy > view.is_busy):
            best, keep = view, shared
    return best, keep if best is not None else 0


def plan_slot(views: list[SlotView], prompt: list[int]) -> Plan | None:
    """None when every slot is busy."""
    free = [view for view in views if not view.is_busy]
    if not free:
        return None
    source, keep = best_source(views, prompt)
    if source is None:
        return Plan(_cheapest(free).index, None, 0)
    others = [view for view in free if view.index != source.index]
    goes_on = not source.is_busy and keep >= len(source.tokens) // 2
    if goes_on or not others:
        return Plan(source.index, source.index, keep)
    return Plan(_cheapest(others).index, source.index, keep)


def _cheapest(free: list[SlotView]) -> SlotView:
    """An empty slot, else the one that was used longest ago."""
    return min(free, key=lambda view: (len(view.tokens) > 0, view.last_used, view.index))
