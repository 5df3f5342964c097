"""Turns about what the model knows by heart, and about what it does not know."""

from tools.tiny_models.chat.conversations import pools
from tools.tiny_models.chat.conversations.conversation import Turn
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.knowledge import (
    ANIMAL_SOUNDS,
    CAPITALS,
    FACTS,
    LISTS,
    SAYINGS,
    UNKNOWN_ANSWER,
)

CAPITAL_QUESTIONS = (
    "What is the capital of {country}?",
    "Tell me the capital of {country}.",
    "Which city is the capital of {country}?",
    "What's the capital of {country}?",
    "Name the capital of {country}.",
    "capital of {country}?",
    "What is the capital city of {country}?",
)
SOUND_QUESTIONS = ("What does a {animal} say?", "What sound does a {animal} make?")
LIST_REQUESTS = (
    "List {count} {things}.",
    "Name {count} {things}.",
    "Give me {count} {things}.",
    "Tell me {count} {things}.",
)
COUNT_WORDS = {2: "two", 3: "three", 4: "four"}
UNKNOWN_QUESTIONS = (
    "What is the meaning of {word}?",
    "Who is {person}?",
    "Explain {word} {other}.",
    "Why is the {noun} {adjective}?",
    "How does a {noun} work?",
    "What do you think about {word}?",
    "When was {place} built?",
    "How old is {person}?",
    "Where is {place}?",
    "What is the population of {place}?",
    "What is the weather in {place}?",
    "Translate {word} into French.",
    "Who invented the {word}?",
    "What is the capital of {country}?",
    "What is {factor} * {other_factor}?",
    "How many {word}s are in {place}?",
    "Can you explain how {word}s work?",
    "What is {word}?",
    "Which {word} is the best?",
    "What time is it?",
    "What is today's date?",
    "What happened in {past_year}?",
    "Tell me about {word}.",
    "What is the difference between {word} and {other}?",
    "Who won the {word} in {recent_year}?",
    "How do I fix my {word}?",
    "Write code for {word}.",
    "Why do {word}s {other}?",
    "What should I do about {word}?",
)


def saying_turn(draw: Draw) -> Turn:
    """Greetings, thanks, questions about the model itself."""
    questions, answer = draw.pick(SAYINGS)
    return Turn(draw.pick(questions), answer, "The user talks to me. I answer politely.")


def fact_turn(draw: Draw) -> Turn:
    if draw.chance(0.5):
        return _capital_turn(draw)
    if draw.chance(0.25):
        return _sound_turn(draw)
    questions, answer = draw.pick(FACTS)
    return Turn(draw.pick(questions), answer, "The user asks about a fact. I know it.")


def _capital_turn(draw: Draw) -> Turn:
    country = draw.pick(list(CAPITALS))
    capital = CAPITALS[country]
    return Turn(
        draw.fill(CAPITAL_QUESTIONS, country=country),
        f"The capital of {country} is {capital}.",
        f"The user asks for the capital of {country}. It is {capital}.",
    )


def _sound_turn(draw: Draw) -> Turn:
    animal = draw.pick(list(ANIMAL_SOUNDS))
    question = draw.fill(SOUND_QUESTIONS, animal=animal)
    answer = f"A {animal} says {ANIMAL_SOUNDS[animal]}."
    return Turn(question, answer, f"The user asks about the {animal}.")


def list_turn(draw: Draw) -> Turn:
    things = draw.pick(list(LISTS))
    count = draw.integer(2, 4)
    count_word = COUNT_WORDS[count]
    shown_count = draw.pick((count_word, str(count)))
    question = draw.fill(LIST_REQUESTS, count=shown_count, things=things)
    lines = [f"{i}. {thing}" for i, thing in enumerate(LISTS[things][:count], start=1)]
    return Turn(question, "\n".join(lines), f"The user wants {count_word} {things}.")


def unknown_turn(draw: Draw) -> Turn:
    """A question about made-up or real things to which the right answer is not to know."""
    question_values = {
        "word": draw.word(),
        "other": draw.word(),
        "person": draw.person(),
        "place": draw.place(),
        "noun": draw.pick(pools.NOUNS),
        "adjective": draw.pick(pools.ADJECTIVES),
        "country": draw.made_up_word().capitalize(),
        "factor": draw.integer(11, 999),
        "other_factor": draw.integer(2, 99),
        "past_year": draw.integer(1500, 2020),
        "recent_year": draw.integer(1950, 2024),
    }
    question = draw.fill(UNKNOWN_QUESTIONS, **question_values)
    return Turn(question, UNKNOWN_ANSWER, "I do not know this.")
