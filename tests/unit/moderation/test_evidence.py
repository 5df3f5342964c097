"""Judging by examples, over vectors that are made up: each direction is a meaning."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modules.engine.media.step_thread import run_steps
from modules.engine.moderation.evidence import WORDS_AT_A_TIME, Examples, Judge

DIRECTIONS = 24


def vectors_of(words: list[str], meanings: dict[str, int]) -> Any:
    """A word's direction is its meaning, with a little noise of its own."""
    noise = np.random.default_rng(sum(map(len, words))).normal(0, 0.05, (len(words), DIRECTIONS))
    made = np.stack([np.eye(DIRECTIONS)[meanings[word]] for word in words]) + noise
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


WORDS = ("the", "a", "dog", "cat", "eats", "sees", "hits", "kills", "house", "river")
MEANINGS = {word: place for place, word in enumerate(WORDS)}
MEANINGS |= {"beats": MEANINGS["hits"], "murders": MEANINGS["kills"], "hound": MEANINGS["dog"]}
HARMLESS = [
    "the dog eats",
    "a cat sees the dog",
    "the house",
    "a river",
    "the cat eats",
    "the dog sees",
] * 2
HARMFUL = 2 * ["the dog hits the cat", "a cat kills", "kills the dog", "hits a dog", "the cat hits"]


def judge_of(harmless: list[str], harmful: list[str]) -> Judge:
    vocabulary = list(MEANINGS)
    texts = [*harmless, *harmful]
    places = [[vocabulary.index(word) for word in dict.fromkeys(text.split())] for text in texts]
    word_vectors = vectors_of(vocabulary, MEANINGS)
    means = np.stack([word_vectors[own].mean(axis=0) for own in places])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    groups = np.array([-1] * len(harmless) + [0] * len(harmful))
    return Judge(Examples(means, groups, places, word_vectors, category_count=2))


def scores_of(judge: Judge, vectors: Any, words: Sequence[Sequence[int]], of_words: Any) -> Any:
    return run_steps(judge.scores(vectors, words, of_words))


def score(judge: Judge, text: str) -> float:
    words = text.split()
    own = vectors_of(words, MEANINGS) if words else np.zeros((0, DIRECTIONS), np.float32)
    mean = own.mean(axis=0, keepdims=True) if words else np.ones((1, DIRECTIONS), np.float32)
    mean = mean / np.linalg.norm(mean)
    found = scores_of(judge, mean, [list(range(len(words)))], own)
    assert found.shape == (1, 2)
    assert ((found >= 0) & (found <= 1)).all()
    return float(found[0, 0])


def test_words_like_those_of_the_examples_are_found() -> None:
    judge = judge_of(HARMLESS, HARMFUL)
    assert score(judge, "a dog hits") > 0.5
    assert score(judge, "the cat eats a dog") < 0.1
    assert score(judge, "a house the river") < 0.1


def test_words_of_like_meaning_count_as_well() -> None:
    judge = judge_of(HARMLESS, HARMFUL)
    for harmful, harmless in (("hound murders", "hound eats"), ("beats a cat", "sees a cat")):
        assert score(judge, harmful) > 2 * score(judge, harmless)


def test_a_text_without_words_is_harmless() -> None:
    assert score(judge_of(HARMLESS, HARMFUL), "") < 0.5


def test_a_category_without_examples_does_no_harm() -> None:
    judge = judge_of(HARMLESS, HARMFUL)
    own = vectors_of(["kills"], MEANINGS)
    assert np.isfinite(scores_of(judge, own, [[0]], own)).all()


def test_judging_many_is_judging_each() -> None:
    judge = judge_of(HARMLESS, HARMFUL)
    words = ["kills", "dog", "river"]
    vectors = vectors_of(words, MEANINGS)
    together = scores_of(judge, vectors, [[0], [1], [2]], vectors)
    for place in range(3):
        alone = scores_of(judge, vectors[[place]], [[0]], vectors[[place]])
        assert np.allclose(together[place], alone[0], atol=1e-4)


def test_many_words_are_judged_by_turns() -> None:
    """No step holds all words of a long text, and each can be the last one."""
    judge = judge_of(HARMLESS, HARMFUL)
    words = ["kills", "dog", "river"] * WORDS_AT_A_TIME
    vectors = vectors_of(words, MEANINGS)
    steps = judge.scores(vectors, [[place] for place in range(len(words))], vectors)
    count = sum(1 for _ in steps)
    assert count >= 6
    together = scores_of(judge, vectors, [[place] for place in range(len(words))], vectors)
    last = len(words) - 1
    alone = scores_of(judge, vectors[[last]], [[0]], vectors[[last]])
    assert np.allclose(together[last], alone[0], atol=1e-4)
