"""Cases about counting, thinking, and what the model knows by heart."""

from collections.abc import Iterator
from random import Random

from tools.tiny_models.chat.held_out import words
from tools.tiny_models.chat.held_out.case import Case, Check, exactly, has_all
from tools.tiny_models.chat.held_out.pairs import is_held_out_pair

CAPITALS = {
    "France": "Paris",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Japan": "Tokyo",
    "Norway": "Oslo",
}
FACTS = [
    ("What is the capital of Germany?", "Berlin"),
    ("What's the capital of Poland?", "Warsaw"),
    ("Name the capital of Egypt.", "Cairo"),
    ("What color is the sky?", "blue"),
    ("How many days are in a week?", "7"),
    ("Who wrote Hamlet?", "Shakespeare"),
    ("What is the opposite of hot?", "cold"),
    ("What does a cow say?", "moo"),
    ("How many legs does a spider have?", "8"),
    ("What is the largest planet?", "Jupiter"),
    ("List three fruits.", "apple"),
    ("Is this positive or negative: I love the red car", "positive"),
    ("Sentiment of: I hate the old house", "negative"),
    ("Hello", "help"),
    ("Thanks!", "welcome"),
]


def counting_cases() -> Iterator[Case]:
    """Every pair of numbers that the generator leaves out."""
    pairs = [(a, b) for a in range(21) for b in range(a + 1, a + 11) if is_held_out_pair(a, b)]
    for low, high in pairs:
        numbers = [str(number) for number in range(low, high + 1)]
        up, down = ", ".join(numbers), ", ".join(reversed(numbers))
        yield Case.ask("count up", f"Count from {low} to {high}.", exactly(up))
        yield Case.ask("count down", f"Count from {high} to {low}.", exactly(down))


def thinking_cases(rng: Random) -> Iterator[Case]:
    for i in range(16):
        country, word = rng.choice(list(CAPITALS)), rng.choice(words.WORDS)
        question, wanted = [
            (f"What is the capital of {country}?", CAPITALS[country]),
            ("Hello!", "Hello"),
            (f"Say: {word}", word),
            ("List three colors.", "red"),
        ][i // 2 % 4]
        thinks = bool(i % 2)
        check = Check("think" if thinks else "no_think", [wanted])
        yield Case.ask("think on" if thinks else "think off", question, check, think=thinks)


def fact_cases() -> Iterator[Case]:
    for question, wanted in FACTS:
        yield Case.ask("facts, lists, sentiment", question, has_all(wanted))
