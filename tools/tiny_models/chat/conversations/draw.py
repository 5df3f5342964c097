"""Draws the values of a conversation: words, names, places, numbers, ids, phrases.

Most values are made up on the spot, so that the model has to copy them and cannot know them by
heart. Words of the held-out test set are refused.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tools.tiny_models.chat.conversations import pools
from tools.tiny_models.chat.held_out.words import is_held_out

Option = TypeVar("Option")

LOWER = "abcdefghijklmnopqrstuvwxyz"
UPPER = LOWER.upper()
FILE_ENDINGS = (".txt", ".md", ".csv", ".py", ".json", ".png", "@mail.com", ".org")
CONTINENTS = ("Europe", "Asia", "America", "Africa", "Australia", "Pacific", "Atlantic")


def article(word: str) -> str:
    """ "an " before a vowel, else "a "."""
    return "an " if word[0] in "aeiou" else "a "


@dataclass(frozen=True)
class Draw:
    """A random source that knows the pools.

    `pieces` are tokens made of small letters, once there is a tokenizer: as parts of made-up words
    every token is copied now and then. `with_held_out_pairs` lets counting also use the pairs of
    numbers that are kept for the test set; training never does.
    """

    rng: random.Random
    pieces: Sequence[str] = ()
    with_held_out_pairs: bool = False

    def pick(self, options: Sequence[Option]) -> Option:
        return options[int(self.rng.random() * len(options))]

    def fill(self, templates: Sequence[str], **values: Any) -> str:
        """One of the templates with its `{name}` slots filled."""
        return self.pick(templates).format(**values)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def integer(self, low: int, high: int) -> int:
        """Both ends included."""
        return self.rng.randint(low, high)

    def how_many(self, *counts: int) -> int:
        """One of these counts; a count that stands twice is twice as likely."""
        return self.rng.choice(counts)

    def made_up_word(self) -> str:
        """A small-letter word that is in no dictionary, or only by chance."""
        while True:
            word = self._candidate_word()
            if not is_held_out(word):
                return word

    def _candidate_word(self) -> str:
        share = self.rng.random()
        if share < 0.35:
            return "".join(self._syllable() for _ in range(self.how_many(1, 2, 2, 3)))
        if share < 0.75:
            return "".join(self.pick(pools.WORD_PARTS) for _ in range(self.how_many(1, 2, 2, 3, 3)))
        if share < 0.92 and self.pieces:
            return "".join(self.pick(self.pieces) for _ in range(self.how_many(1, 1, 2, 2)))
        return "".join(self.pick(LOWER) for _ in range(self.integer(2, 6)))

    def _syllable(self) -> str:
        start = self.pick(pools.ONSETS) + self.pick(pools.VOWELS)
        return start + self.pick(pools.CODAS) if self.chance(0.3) else start

    def word(self) -> str:
        share = self.rng.random()
        if share < 0.14:
            return self.pick(pools.NOUNS)
        if share < 0.2:
            return self.pick(pools.ADJECTIVES)
        if share < 0.24:
            return self.pick(pools.VERBS)
        if share < 0.5:
            return self.pick(pools.COMMON_WORDS)
        return self.made_up_word()

    def words(self, low: int, high: int) -> str:
        """Plain words, from `low` to `high` of them."""
        return " ".join(self.word() for _ in range(self.integer(low, high)))

    def noun_or_word(self) -> str:
        return self.pick(pools.NOUNS) if self.chance(0.5) else self.word()

    def person(self) -> str:
        share = self.rng.random()
        if share < 0.3:
            return self.pick(pools.NAMES)
        first = self.pick(pools.COMMON_WORDS) if share < 0.4 else self.made_up_word()
        if self.chance(0.08):
            return f"{first.capitalize()} {self.made_up_word().capitalize()}"
        return first.capitalize()

    def place(self) -> str:
        share = self.rng.random()
        if share < 0.35:
            return self.pick(pools.CITIES)
        name = self.pick(pools.COMMON_WORDS) if share < 0.45 else self.made_up_word()
        if self.chance(0.07):
            return self.pick(("New ", "San ", "Port ", "Saint ")) + name.capitalize()
        return name.capitalize()

    def time_zone(self) -> str:
        if self.chance(0.35):
            return self.pick(pools.TIME_ZONES)
        place = self.place().replace(" ", "_")
        head = self.pick((*CONTINENTS, self.made_up_word().capitalize()))
        if self.chance(0.92):
            return f"{head}/{place}"
        return f"{head}/{self.made_up_word().capitalize()}/{place}"

    def number(self) -> int | float:
        share = self.rng.random()
        if share < 0.5:
            return self.integer(0, 99)
        if share < 0.8:
            return self.integer(100, 9999)
        if share < 0.9:
            return self.integer(10000, 999999)
        return round(self.rng.random() * 100, self.how_many(1, 2))

    def code(self) -> str:
        """An id, a password, a file name, an address: things that must be copied letter by letter."""
        share = self.rng.random()
        if share < 0.45:
            letters = UPPER + LOWER + "0123456789"
            return "".join(self.pick(letters) for _ in range(self.integer(3, 8)))
        if share < 0.65:
            return self._numbered_code()
        if share < 0.8:
            return f"{self.made_up_word()}-{self.integer(1, 999)}"
        if share < 0.9:
            return f"{self.word()}_{self.word()}"
        return self.word() + self.pick(FILE_ENDINGS)

    def _numbered_code(self) -> str:
        head = self.pick(("", "ID-", "A", "X-"))
        letters = "".join(self.pick(UPPER) for _ in range(self.integer(1, 3)))
        return head + letters + self.pick(("-", "", "_")) + str(self.integer(1, 99999))

    def date(self) -> str:
        year, month, day = self.integer(1990, 2039), self.integer(1, 12), self.integer(1, 28)
        return f"{year}-{month:02d}-{day:02d}"

    def clock(self) -> str:
        return f"{self.integer(0, 23):02d}:{self.integer(0, 59):02d}"

    def phrase(self, low: int, high: int) -> str:
        """Words, capitals, numbers, codes and time zones in a row, `low` to `high` of them."""
        return " ".join(self._phrase_item() for _ in range(self.integer(low, high)))

    def _phrase_item(self) -> str:
        share = self.rng.random()
        word = self.word()
        if share < 0.72:
            return word
        if share < 0.82:
            return word.capitalize()
        if share < 0.84:
            return word.upper()
        if share < 0.92:
            return str(self.number())
        return self.code() if share < 0.97 else self.time_zone()

    def words_or_phrase(self, low: int, high: int, plain: float) -> str:
        """Plain words with the chance `plain`, else a phrase."""
        return self.words(low, high) if self.chance(plain) else self.phrase(low, high)

    def sentence(self) -> str:
        """A little main clause without capital and full stop."""
        determiner = self.pick(("the", "a", "my", "your", "this", "every"))
        adjective = self.pick(pools.ADJECTIVES) if self.chance(0.5) else self.word()
        return f"{determiner} {adjective} {self.noun_or_word()} {self.pick(pools.VERBS)}"

    def text(self) -> str:
        """Anything that one could ask the model to repeat."""
        share = self.rng.random()
        if share < 0.25:
            return self._phrase_item()
        if share < 0.6:
            return self.phrase(2, 7)
        return self.words(1, 5) if share < 0.8 else self.sentence()

    def text_value(self) -> str:
        """The value of a field that holds text."""
        share = self.rng.random()
        if share < 0.5:
            return self.word()
        if share < 0.65:
            return self.person()
        if share < 0.75:
            return self.place()
        return self.code() if share < 0.9 else self.words(2, 3)
