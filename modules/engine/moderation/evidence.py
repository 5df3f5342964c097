# pyright: basic
"""How much a text is like the examples of a category, by its words and as a whole. Only arrays; no model, no files.

*Words.* Each word of a text is looked for among the words of every example: the nearest one counts, from 0 (no nearer than words
usually are) to 1 (the same). The mean over a category's examples says how common the word is there, that over the harmless ones
how common it is anyway; the logarithm of their ratio is the evidence of the word, and the sum over the words, divided by the square
root of their number, that of the text. This is naive Bayes with counts softened by embeddings: with a tiny model it finds words it was
shown and their other forms, with a good one also words of like meaning.

*Whole.* The similarity to the nearest example of the category, minus that to the nearest harmless ones.

How much each of the two counts is found on the examples themselves, each judged by all others, since models differ: a logistic
regression of two weights. Its zero is put where one in ten of the harmless examples would be flagged, and not below half of what
harmful ones typically have: a text of which nothing is known has no evidence at all, and must not be flagged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modules.engine.media.step_thread import Steps

NEAR_QUANTILE = 0.985
"""Words nearer to each other than so many of all pairs begin to count as the same."""
RARE = 0.03
NEAREST_HARMLESS = 5
HARMLESS_FLAGGED = 0.1
WORDS_AT_A_TIME = 512
PIECES_AT_A_TIME = 512
"""As many as are judged before others have their turn: this also bounds the memory, however long the text."""
RIDGE = 1e-2
STEPS = 50


@dataclass(frozen=True)
class Examples:
    """`groups`: -1 for the harmless ones, else the category's number. `words`: for each, places in `word_vectors`."""

    vectors: Any
    groups: Any
    words: Sequence[Sequence[int]]
    word_vectors: Any
    category_count: int


class Judge:
    """Judges texts by prepared examples."""

    def __init__(self, examples: Examples) -> None:
        self._examples = examples
        self._columns = np.concatenate([np.array(places, int) for places in examples.words])
        self._starts = np.cumsum([0, *map(len, examples.words)])[:-1]
        self._near = self._nearness_threshold()
        self._weights = np.array([1.0, 1.0])
        self._zero = 0.0
        self._calibrate()

    def scores(self, vectors: Any, words: Sequence[Sequence[int]], word_vectors: Any) -> Steps[Any]:
        """(texts, categories) from 0 to 1. `words`: for each text, places in `word_vectors`. All vectors have length 1."""
        evidence = yield from self._evidence(word_vectors)
        found = np.zeros((len(vectors), self._examples.category_count))
        for start in range(0, len(vectors), PIECES_AT_A_TIME):
            yield
            some = slice(start, start + PIECES_AT_A_TIME)
            whole = self._whole(vectors[some] @ self._examples.vectors.T)
            by_words = np.stack([_sum_up(evidence, places) for places in words[some]])
            found[some] = _sigmoid(self._combine(by_words, whole))
        return found

    def _evidence(self, word_vectors: Any) -> Steps[Any]:
        """(categories, words)."""
        found = np.zeros((self._examples.category_count, len(word_vectors)))
        for start in range(0, len(word_vectors), WORDS_AT_A_TIME):
            yield
            some = slice(start, start + WORDS_AT_A_TIME)
            found[:, some] = self._of_words(self._presence(word_vectors[some]), None)
        return found

    def _combine(self, by_words: Any, whole: Any) -> Any:
        return by_words * self._weights[0] + whole * self._weights[1] - self._zero

    def _nearness_threshold(self) -> float:
        """Of a sample of pairs: how near words are that have nothing to do with each other depends on the model."""
        vectors = self._examples.word_vectors[:600]
        cosines = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
        return float(min(0.95, np.quantile(cosines, NEAR_QUANTILE))) if len(cosines) else 0.95

    def _presence(self, word_vectors: Any) -> Any:
        """(examples, words): from 0 to 1, how much of each word is in each example."""
        cosines = (self._examples.word_vectors @ word_vectors.T)[self._columns]
        alike = np.clip((cosines - self._near) / (1 - self._near), 0, 1) ** 2
        return np.maximum.reduceat(alike, self._starts, axis=0)

    def _presence_of_own(self) -> Any:
        """Of the examples' own words."""
        vectors = self._examples.word_vectors
        starts = range(0, len(vectors), WORDS_AT_A_TIME)
        some = [self._presence(vectors[start : start + WORDS_AT_A_TIME]) for start in starts]
        return np.concatenate(some, axis=1)

    def _of_words(self, presence: Any, left_out: int | None) -> Any:
        """(categories, words): the evidence of each word. `left_out`: the example that is being judged itself."""
        harmless = self._share(presence, -1, left_out)
        return np.stack(
            [
                np.log((self._share(presence, group, left_out) + RARE) / (harmless + RARE))
                for group in range(self._examples.category_count)
            ]
        )

    def _share(self, presence: Any, group: int, left_out: int | None) -> Any:
        chosen = self._examples.groups == group
        if left_out is not None:
            chosen = chosen.copy()
            chosen[left_out] = False
        return presence[chosen].mean(axis=0) if chosen.any() else np.zeros(presence.shape[1])

    def _whole(self, cosines: Any) -> Any:
        """(texts, categories): nearer to the category than to what is harmless."""
        groups = self._examples.groups
        harmless = np.sort(cosines[:, groups == -1], axis=1)[:, -NEAREST_HARMLESS:].mean(axis=1)
        nearest = [
            cosines[:, groups == group].max(axis=1) if (groups == group).any() else harmless - 1
            for group in range(self._examples.category_count)
        ]
        return np.stack(nearest, axis=1) - harmless[:, None]

    def _calibrate(self) -> None:
        examples = self._examples
        cosines = examples.vectors @ examples.vectors.T
        np.fill_diagonal(cosines, -1)
        whole = self._whole(cosines)
        presence = self._presence_of_own()
        own = [presence[:, list(places)] for places in examples.words]
        evidence = [self._of_words(each, number) for number, each in enumerate(own)]
        by_words = np.stack([_sum_up(each, range(each.shape[1])) for each in evidence])
        is_harmless = examples.groups == -1
        rows, groups = np.flatnonzero(~is_harmless), examples.groups[~is_harmless]
        positive = np.stack([by_words[rows, groups], whole[rows, groups]], axis=1)
        filled = [g for g in range(examples.category_count) if (examples.groups == g).any()]
        negative = np.stack(
            [by_words[is_harmless][:, filled].ravel(), whole[is_harmless][:, filled].ravel()],
            axis=1,
        )
        self._weights = _fit(positive, negative)
        combined = self._combine(by_words, whole)
        worst = combined[is_harmless].max(axis=1)
        typical = float(np.median(combined[rows, groups]))
        self._zero = max(float(np.quantile(worst, 1 - HARMLESS_FLAGGED)), typical / 2)


def _sum_up(evidence: Any, places: Sequence[int]) -> Any:
    """Of a text with these words, for each category."""
    if not len(places):
        return np.zeros(len(evidence))
    return evidence[:, list(places)].sum(axis=1) / np.sqrt(len(places))


def _fit(positive: Any, negative: Any) -> Any:
    """Weights of a logistic regression, both sides counting alike; none below zero."""
    points = np.concatenate([positive, negative])
    spread = points.std(axis=0) + 1e-9
    scaled = np.concatenate([points / spread, np.ones((len(points), 1))], axis=1)
    is_positive = np.arange(len(points)) < len(positive)
    share = np.where(is_positive, 0.5 / len(positive), 0.5 / len(negative))
    weights = np.zeros(3)
    for _ in range(STEPS):
        chance = _sigmoid(scaled @ weights)
        slope = scaled.T @ (share * (chance - is_positive)) + RIDGE * weights
        curve = (scaled * (share * chance * (1 - chance))[:, None]).T @ scaled
        weights -= np.linalg.solve(curve + RIDGE * np.eye(3), slope)
    return np.clip(weights[:2], 0, None) / spread


def _sigmoid(values: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(values, -50, 50)))
