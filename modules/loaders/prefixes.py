"""Which slot a new request takes, and which cached tokens it starts from. Pure decisions, no library.

A slot's KV memory holds the tokens of its last request. A new request that begins alike takes them over: in the same slot
when it is free, else by a copy from the other slot, a busy one too.

Two wishes decide on the slot. Busy slots should be neighbours, because llama.cpp computes sequences with consecutive numbers
together and starts anew at every gap. And a cache that may still be asked for should stay: so the cache of a slot that is wanted
for its place moves to an empty slot, or to that of the oldest cache.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from modules.core.requests import Adapters

MIN_SHARED = 16
"""A shorter common beginning (a BOS, a role marker) is not worth a wait."""


@dataclass(frozen=True, slots=True)
class SlotView:
    """What the choice needs to know of a slot.

    `tokens`: those that are, or soon will be, in its KV memory; `computed`: how many are there now. `adapters`: with which LoRA
    adapters: what others computed cannot be gone on from.
    """

    index: int
    tokens: list[int]
    computed: int
    is_busy: bool
    last_used: int
    adapters: Adapters = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """`slot` to take. `source` has `keep` tokens to start from (it may be `slot` itself), once it has computed them.

    `moves_to`: where the cache that `slot` holds goes first.
    """

    slot: int
    source: int | None = None
    keep: int = 0
    moves_to: int | None = None


CanKeep = Callable[[SlotView, int], bool]
"""Whether the first so many tokens of a slot can be gone on from (not every kind of memory can be cut)."""


def keeps_all(view: SlotView, keep: int) -> bool:
    """Plain attention: any beginning can be gone on from."""
    return keep <= len(view.tokens)


Cut = Callable[[int], int]
"""The last place up to this one where the new prompt can be cut: never inside of a picture."""


def anywhere(keep: int) -> int:
    """Plain text can be cut at every token."""
    return keep


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


def best_source(
    views: Iterable[SlotView],
    prompt: list[int],
    can_keep: CanKeep = keeps_all,
    cut: Cut = anywhere,
) -> tuple[SlotView | None, int]:
    """The slot that shares the longest beginning with the prompt, and its length; (None, 0) when there is none.

    At least one token of the prompt is left to compute. Of equals a free slot is better: nothing is copied.
    """
    best, keep = None, MIN_SHARED - 1
    for view in views:
        shared = cut(min(common_prefix(view.tokens, prompt), len(prompt) - 1))
        is_better = shared > keep or (
            shared == keep and best is not None and best.is_busy > view.is_busy
        )
        if is_better and can_keep(view, shared):
            best, keep = view, shared
    return best, keep if best is not None else 0


def plan_slot(
    views: Sequence[SlotView],
    prompt: list[int],
    can_keep: CanKeep = keeps_all,
    *,
    cut: Cut = anywhere,
    min_copied: int = MIN_SHARED,
    wants_neighbours: bool = True,
) -> Plan | None:
    """None when every slot is busy. `min_copied`: a shorter beginning is not copied between slots."""
    free = [view for view in views if not view.is_busy]
    if not free:
        return None
    source, keep = best_source(views, prompt, can_keep, cut)
    place = _best_place(views, free) if wants_neighbours else _victim(free)
    if source is not None and not source.is_busy and keep >= len(source.tokens) // 2:
        costs_a_gap = wants_neighbours and _gaps(views, source) > _gaps(views, place)
        if not costs_a_gap:
            return Plan(source.index, source.index, keep)
    if source is not None and source is not place and keep < min_copied:
        source, keep = None, 0
    refuge = _refuge(place, free, source) if wants_neighbours else None
    return Plan(place.index, None if source is None else source.index, keep, refuge)


def _best_place(views: Sequence[SlotView], free: list[SlotView]) -> SlotView:
    """Where fewest gaps are; of those an empty slot, else the one that was used longest ago."""
    return min(free, key=lambda view: (_gaps(views, view), *_worth(view)))


def _victim(free: list[SlotView]) -> SlotView:
    return min(free, key=_worth)


def _refuge(place: SlotView, free: list[SlotView], source: SlotView | None) -> int | None:
    """Where the cache of `place` can go: a slot whose own is worth less."""
    others = [view for view in free if view is not place and view is not source]
    if len(place.tokens) < MIN_SHARED or not others:
        return None
    victim = _victim(others)
    return victim.index if _worth(victim) < _worth(place) else None


def _worth(view: SlotView) -> tuple[bool, int, int]:
    """Of what a slot caches: nothing is worth least, then what was used longest ago."""
    return (len(view.tokens) > 0, view.last_used, view.index)


def _gaps(views: Sequence[SlotView], taken: SlotView) -> int:
    """Breaks in the numbers of the busy slots once `taken` is one of them."""
    busy = sorted([*(view.index for view in views if view.is_busy), taken.index])
    return sum(after - before > 1 for before, after in pairwise(busy))
