"""Sets of adapters take turns: fair, bounded, and without more changes than need be."""

import random
from collections import Counter

import pytest

from modules.core.requests import Adapter, Adapters, to_adapters
from modules.loaders.turns import Turns

A: Adapters = (Adapter("a"),)
B: Adapters = (Adapter("b"),)
C: Adapters = (Adapter("c"),)


def test_without_requests_it_is_the_turn_of_the_plain_model() -> None:
    assert Turns().next([]) == ()


def test_each_gets_a_step_in_turn() -> None:
    turns = Turns()
    assert [turns.next([A, (), B, A]) for _ in range(6)] == [A, (), B, A, (), B]


def test_a_turn_lasts_so_many_steps_and_ends_sooner_after_a_long_one() -> None:
    turns = Turns(3)
    assert [turns.next([A, B]) for _ in range(8)] == [A, A, A, B, B, B, A, A]
    assert turns.next([A, B], can_stay=False) == B


def test_a_turn_ends_with_the_requests_that_had_it() -> None:
    turns = Turns(4)
    assert [turns.next([A, B]), turns.next([B]), turns.next([B, A])] == [A, B, B]


def test_one_that_is_new_stands_behind_those_who_wait() -> None:
    turns = Turns()
    turns.next([A, B])
    assert [turns.next([C, A, B]) for _ in range(3)] == [B, C, A]


@pytest.mark.parametrize("steps", [1, 4])
def test_nobody_waits_longer_than_a_turn_of_everybody_else(steps: int) -> None:
    """Whoever comes and goes, as every step's newcomers do here."""
    rng = random.Random(steps)
    turns, waits = Turns(steps), Counter[Adapters]()
    for step in range(2000):
        newcomers: list[Adapters] = [(Adapter(f"new-{step}"),)] if rng.random() < 0.7 else []
        wanted: list[Adapters] = [(), A, B, *newcomers]
        rng.shuffle(wanted)
        turn = turns.next(wanted, can_stay=rng.random() < 0.8)
        assert turn in wanted
        for adapters in ((), A, B):
            waits[adapters] = 0 if adapters == turn else waits[adapters] + 1
            assert waits[adapters] <= 4 * steps


def test_equal_sets_are_equal_however_they_were_named() -> None:
    assert to_adapters({"b": 0.5, "a": 1, "c": 0}) == to_adapters({"a": 1.0, "b": 0.5})
