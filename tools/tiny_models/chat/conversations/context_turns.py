"""Turns whose answer stands in a text that the user gives."""

from tools.tiny_models.chat.conversations.conversation import Turn
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.knowledge import LISTS
from tools.tiny_models.chat.conversations.wording import without_repeats

# The facts of a text, a question about one of them, its answer.
Quiz = tuple[list[str], str, str]

NAMED_THINGS = (
    "code word",
    "password",
    "secret word",
    "color",
    "name of the cat",
    "name of the ship",
    "key",
    "number",
    "city",
    "answer",
    "code",
    "title",
)
ATTRIBUTES = ("color", "size", "name", "price", "owner", "number", "age", "title")
# (fact, question, answer) about a person
PERSON_FORMS = (
    ("{name} lives in {place}.", "Where does {name} live?", "{name} lives in {place}."),
    ("{name} is {number} years old.", "How old is {name}?", "{name} is {number} years old."),
    ("{name} likes {word}.", "What does {name} like?", "{name} likes {word}."),
    ("{name} has {number} {word}.", "What does {name} have?", "{name} has {number} {word}."),
)
LAYOUTS = (
    "{context}\n\n{question}",
    "Context: {context}\nQuestion: {question}",
    "Use this text to answer: {context}\n{question}",
    "{context} {question}",
    "Answer from the context.\n\nContext:\n{context}\n\nQuestion: {question}",
    "{question}\n\nText: {context}",
)


def context_turn(draw: Draw) -> Turn:
    facts, question, answer = _quiz(draw)
    context = " ".join([*_filler(draw), *facts, *_filler(draw)])
    asked = draw.fill(LAYOUTS, context=context, question=question)
    return Turn(asked, answer, f"The text says: {answer}")


def _filler(draw: Draw) -> list[str]:
    return [draw.sentence().capitalize() + "." for _ in range(draw.integer(0, 2))]


def _quiz(draw: Draw) -> Quiz:
    share = draw.rng.random()
    if share < 0.4:
        return _named_thing_quiz(draw)
    return _attribute_quiz(draw) if share < 0.65 else _person_quiz(draw)


def _named_thing_quiz(draw: Draw) -> Quiz:
    thing = draw.pick(NAMED_THINGS) if draw.chance(0.5) else draw.word()
    fact = f"The {thing} is {_value_of_thing(draw, thing)}."
    return [fact], f"What is the {thing}?", fact


def _value_of_thing(draw: Draw, thing: str) -> str:
    if thing == "number" or draw.chance(0.12):
        return str(draw.number())
    if draw.chance(0.2):
        return draw.person()
    return draw.code() if draw.chance(0.15) else draw.word()


def _attribute_quiz(draw: Draw) -> Quiz:
    """The same attribute of up to three things; only one of them is asked for."""
    attribute = draw.pick(ATTRIBUTES)
    things = [draw.word() for _ in range(draw.how_many(1, 2, 2, 3))]
    values = [_value_of_attribute(draw, attribute) for _ in things]
    facts = [
        f"The {attribute} of the {thing} is {value}."
        for thing, value in zip(things, values, strict=True)
    ]
    asked = draw.rng.choice(things)
    # A thing may come twice; then the first fact about it counts.
    return facts, f"What is the {attribute} of the {asked}?", facts[things.index(asked)]


def _value_of_attribute(draw: Draw, attribute: str) -> str:
    if attribute == "color":
        return draw.pick(LISTS["colors"])
    return str(draw.number()) if attribute in ("price", "number", "age") else draw.word()


def _person_quiz(draw: Draw) -> Quiz:
    names = without_repeats(draw.person() for _ in range(draw.how_many(1, 2, 2, 3)))
    asked = draw.rng.randrange(len(names))
    fact, question, answer = PERSON_FORMS[draw.integer(0, 3)]
    people = [
        {"name": name, "place": draw.place(), "number": draw.integer(2, 99), "word": draw.word()}
        for name in names
    ]
    facts = [fact.format(**person) for person in people]
    return facts, question.format(**people[asked]), answer.format(**people[asked])
