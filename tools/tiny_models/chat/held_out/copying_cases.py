"""Cases whose answer is made of the user's words: echo and JSON."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from tools.tiny_models.chat.held_out import words
from tools.tiny_models.chat.held_out.case import Case, Check, exactly, random_code

ECHO_REQUESTS = ["Repeat after me: {}", "Say: {}", 'Say "{}"', "Please repeat: {}"]


def copying_cases(rng: Random) -> Iterator[Case]:
    for _ in range(24):
        yield _known_echo_case(rng)
    for i in range(40):
        yield _unknown_echo_case(rng, ECHO_REQUESTS[i % 4])
    known = (words.KNOWN_NAMES, words.KNOWN_CITIES, words.KNOWN_NOUNS)
    for i in range(28):
        yield _json_case(rng, "JSON, in pool", known, i % 7)
    unknown = (words.NAMES, words.CITIES, words.WORDS)
    for i in range(28):
        yield _json_case(rng, "JSON, out of pool", unknown, i % 7)


def _known_echo_case(rng: Random) -> Case:
    text = " ".join(
        rng.choice([rng.choice(words.KNOWN_ADJECTIVES), rng.choice(words.KNOWN_NOUNS)])
        for _ in range(rng.randint(1, 6))
    )
    return Case.ask("echo, in pool", rng.choice(ECHO_REQUESTS).format(text), exactly(text))


def _unknown_echo_case(rng: Random, request: str) -> Case:
    text = " ".join(_unknown_item(rng) for _ in range(rng.randint(1, 5)))
    return Case.ask("echo, out of pool", request.format(text), exactly(text))


def _unknown_item(rng: Random) -> str:
    return rng.choice(
        [
            rng.choice(words.WORDS),
            rng.choice(words.WORDS),
            rng.choice(words.NAMES),
            rng.choice(words.CITIES),
            str(rng.randint(10, 99999)),
            random_code(rng),
        ]
    )


def _json_case(rng: Random, task: str, pools: Sequence[Sequence[str]], form: int) -> Case:
    names, cities, nouns = pools
    name, city = rng.choice(names), rng.choice(cities)
    word, other, age = rng.choice(nouns), rng.choice(nouns), rng.randint(10, 99)
    person = {"name": name, "age": age, "city": city}
    forms: list[tuple[str, dict[str, Any]]] = [
        (f"Give me a JSON object with name {name} and age {age}.", {"name": name, "age": age}),
        (f"{name} lives in {city}. Answer in JSON.", {"name": name, "city": city}),
        (
            f"Give me a JSON object with title {word} and color {other}.",
            {"title": word, "color": other},
        ),
        (
            f"Answer in JSON: the animal is {word} and the food is {other}.",
            {"animal": word, "food": other},
        ),
        (f"Return JSON: {name} is {age} years old.", {"name": name, "age": age}),
        (
            "Return JSON with the keys name, age and city: "
            f"{name} is {age} years old and lives in {city}.",
            person,
        ),
        (f"Write JSON with the name {name} and the city {city}.", {"name": name, "city": city}),
    ]
    question, wanted = forms[form]
    return Case.ask(task, question, Check("json", wanted))
