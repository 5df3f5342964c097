"""Cases whose answer stands earlier in the conversation: context, persona, memory."""

from collections.abc import Iterator
from random import Random

from tools.tiny_models.chat.conversations.conversation import Turn
from tools.tiny_models.chat.held_out import words
from tools.tiny_models.chat.held_out.case import Case, has_all

JOBS = words.words_of("teacher doctor pirate pilot gardener wizard cook")
HOBBIES = words.words_of("chess music painting cooking tea cats")
BETWEEN: list[list[Turn]] = [
    [],
    [Turn("What is the capital of Italy?", "The capital of Italy is Rome.", "")],
    [Turn("Say: hello", "hello", "")],
]


def text_cases(rng: Random) -> Iterator[Case]:
    """Every second case is about unknown words."""
    for i in range(24):
        yield _context_case(rng, is_unknown=bool(i % 2), form=i // 2 % 6)
    for i in range(20):
        yield _persona_case(rng, is_unknown=bool(i % 2), form=i // 2 % 5)
    for i in range(20):
        yield _memory_case(rng, is_unknown=bool(i % 2))


def _context_case(rng: Random, is_unknown: bool, form: int) -> Case:
    first, second, third = rng.sample(words.WORDS if is_unknown else words.KNOWN_NOUNS, 3)
    name, other_name = rng.sample(words.NAMES if is_unknown else words.KNOWN_NAMES, 2)
    city, other_city = rng.sample(words.CITIES if is_unknown else words.KNOWN_CITIES, 2)
    number = f"{len(first)}{rng.randint(100, 999)}"
    forms = [
        (
            f"The red dog sleeps. The password is {first}. The old tree grows.\n\n"
            "What is the password?",
            first,
        ),
        (f"Context: The code word is {second}.\nQuestion: What is the code word?", second),
        (
            f"{name} lives in {city}. {other_name} lives in {other_city}. "
            f"Where does {other_name} live?",
            other_city,
        ),
        (
            f"Context: The color of the {first} is blue. The color of the {third} is green.\n"
            f"Question: What is the color of the {third}?",
            "green",
        ),
        (
            f"Use this text to answer: The name of the ship is {name}.\n"
            "What is the name of the ship?",
            name,
        ),
        (f"The number is {number}. What is the number?", number),
    ]
    question, wanted = forms[form]
    return Case.ask("context question", question, has_all(wanted))


def _persona_case(rng: Random, is_unknown: bool, form: int) -> Case:
    name = rng.choice(words.NAMES if is_unknown else words.KNOWN_NAMES)
    city = rng.choice(words.CITIES if is_unknown else words.KNOWN_CITIES)
    job, hobby = rng.choice(JOBS), rng.choice(HOBBIES)
    prompt = rng.choice(
        [
            f"You are {name}, a {job} from {city}. You love {hobby}.",
            f"Your name is {name}. You are a {job}. You live in {city} and you love {hobby}.",
        ]
    )
    question, wanted = [
        ("Who are you?", name),
        ("What is your name?", name),
        ("Where do you live?", city),
        ("What is your job?", job),
        ("What do you love?", hobby),
    ][form]
    system = {"role": "system", "content": prompt}
    return Case.ask("persona", question, has_all(wanted), before=[system])


def _memory_case(rng: Random, is_unknown: bool) -> Case:
    name = rng.choice(words.NAMES if is_unknown else words.KNOWN_NAMES)
    between = rng.choice(BETWEEN)
    statement = rng.choice([f"My name is {name}.", f"Hi, I am {name}."])
    told = Turn(statement, f"Nice to meet you, {name}!", "")
    before = [message for turn in (told, *between) for message in turn.messages]
    question = rng.choice(["What is my name?", "Do you know my name?"])
    return Case.ask("multi-turn memory", question, has_all(name), before=before)
