"""Which slot a prompt takes: properties that must hold for any slots and any prompt."""

import itertools

from hypothesis import given, strategies as st

from modules.loaders.prefixes import (
    MIN_SHARED,
    Plan,
    SlotView,
    best_source,
    common_prefix,
    plan_slot,
)

FEW_TOKENS = st.lists(st.integers(0, 1), max_size=40)
STEM = [7, 8, 9] * 12
TOKENS = st.builds(lambda keep, tail: STEM[:keep] + tail, st.integers(0, 36), FEW_TOKENS)


@st.composite
def slot_views(draw: st.DrawFn) -> list[SlotView]:
    views: list[SlotView] = []
    for index in range(draw(st.integers(1, 6))):
        tokens, is_busy = draw(TOKENS), draw(st.booleans())
        computed = draw(st.integers(0, len(tokens))) if is_busy else len(tokens)
        views.append(SlotView(index, tokens, computed, is_busy, draw(st.integers(0, 9))))
    return views


def naive_prefix(a: list[int], b: list[int]) -> int:
    count = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        count += 1
    return count


@given(TOKENS, TOKENS)
def test_common_prefix_is_what_a_loop_would_count(a: list[int], b: list[int]) -> None:
    assert common_prefix(a, b) == naive_prefix(a, b)
    assert common_prefix(a, a) == len(a)


@given(slot_views(), TOKENS)
def test_a_plan_takes_a_free_slot_and_a_prefix_that_is_really_there(
    views: list[SlotView], prompt: list[int]
) -> None:
    plan = plan_slot(views, prompt)
    if plan is None:
        assert all(view.is_busy for view in views)
        return
    assert not views[plan.slot].is_busy
    if plan.source is None:
        assert plan.keep == 0
        return
    source = views[plan.source]
    assert MIN_SHARED <= plan.keep <= len(prompt) - 1
    assert source.tokens[: plan.keep] == prompt[: plan.keep]


@given(slot_views(), TOKENS)
def test_no_slot_shares_more_than_the_chosen_source(
    views: list[SlotView], prompt: list[int]
) -> None:
    source, keep = best_source(views, prompt)
    longest = max(min(naive_prefix(view.tokens, prompt), len(prompt) - 1) for view in views)
    assert keep == (longest if longest >= MIN_SHARED else 0)
    assert (source is None) == (longest < MIN_SHARED)


@given(slot_views(), TOKENS)
def test_a_cache_is_not_thrown_away_while_an_empty_slot_is_free(
    views: list[SlotView], prompt: list[int]
) -> None:
    plan = plan_slot(views, prompt)
    if plan is not None and plan.source != plan.slot:
        has_empty = any(not view.tokens and not view.is_busy for view in views)
        is_kept = plan.moves_to is not None and not views[plan.moves_to].tokens
        assert not has_empty or len(views[plan.slot].tokens) < MIN_SHARED or is_kept


@given(slot_views(), TOKENS)
def test_busy_slots_stay_neighbours_where_they_can(
    views: list[SlotView], prompt: list[int]
) -> None:
    def gaps(taken: int) -> int:
        busy = sorted([view.index for view in views if view.is_busy] + [taken])
        return sum(b - a > 1 for a, b in itertools.pairwise(busy))

    plan = plan_slot(views, prompt)
    if plan is not None:
        assert gaps(plan.slot) == min(gaps(view.index) for view in views if not view.is_busy)


@given(slot_views(), TOKENS)
def test_a_cache_moves_only_to_where_less_is_lost(views: list[SlotView], prompt: list[int]) -> None:
    plan = plan_slot(views, prompt)
    if plan is None or plan.moves_to is None:
        return
    moved, lost = views[plan.slot], views[plan.moves_to]
    assert plan.moves_to not in (plan.slot, plan.source)
    assert not lost.is_busy
    assert not lost.tokens or lost.last_used <= moved.last_used


def view(index: int, tokens: list[int], *, busy: bool = False, used: int = 0) -> SlotView:
    return SlotView(index, tokens, len(tokens), busy, used)


LONG = list(range(100))


def test_a_conversation_goes_on_in_its_own_slot() -> None:
    views = [view(0, []), view(1, LONG)]
    assert plan_slot(views, [*LONG, 1, 2]) == Plan(1, 1, 100)


def test_the_same_prompt_again_leaves_one_token_to_compute() -> None:
    assert plan_slot([view(0, LONG)], LONG) == Plan(0, 0, 99)


def test_a_busy_slot_is_copied_from() -> None:
    assert plan_slot([view(0, LONG, busy=True), view(1, [5])], LONG) == Plan(1, 0, 99)


def test_a_long_cache_is_copied_for_a_short_beginning_of_it() -> None:
    views = [view(0, LONG), view(1, [])]
    assert plan_slot(views, [*LONG[:20], 500]) == Plan(1, 0, 20)


def test_with_no_other_slot_the_cache_itself_is_cut() -> None:
    assert plan_slot([view(0, LONG)], [*LONG[:20], 500]) == Plan(0, 0, 20)


def test_without_a_shared_beginning_the_slot_used_longest_ago_is_taken() -> None:
    views = [view(0, [5] * 50, used=3), view(1, [6] * 50, used=1), view(2, [7] * 50, used=2)]
    assert plan_slot(views, LONG) == Plan(1, None, 0)


def test_a_free_source_is_preferred_to_a_busy_one() -> None:
    views = [view(0, LONG, busy=True), view(1, LONG), view(2, LONG, busy=True)]
    source, keep = best_source(views, LONG)
    assert source is views[1]
    assert keep == 99


def test_what_is_kept_ends_where_the_prompt_can_be_cut() -> None:
    prompt = [*range(20), *[-5] * 10, *range(50, 60)]
    cached = view(0, [*prompt[:25], 99])

    def cut(keep: int) -> int:
        return 20 if 20 < keep < 30 else keep

    assert best_source([cached], prompt)[1] == 25
    assert best_source([cached], prompt, cut=cut)[1] == 20
    assert plan_slot([cached], prompt, cut=cut) == Plan(0, 0, 20)
