"""Conversations that ask at the end for what the user said at the beginning."""

from tools.tiny_models.chat.conversations.conversation import Conversation, Turn
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.turn_mix import any_turn

NAME_STATEMENTS = (
    "My name is {name}.",
    "Hi, I am {name}.",
    "Hello, my name is {name}.",
    "I am {name}.",
    "Hi, my name is {name}!",
)
NAME_QUESTIONS = (
    "What is my name?",
    "What's my name?",
    "Do you know my name?",
    "Who am I?",
    "Do you remember my name?",
)
THINGS = (
    "favorite color",
    "favorite food",
    "favorite animal",
    "city",
    "hobby",
    "dog",
    "secret word",
    "number",
)
THING_STATEMENTS = (
    "My {thing} is {value}.",
    "Remember this: my {thing} is {value}.",
    "Please remember that my {thing} is {value}.",
)
THING_QUESTIONS = (
    "What is my {thing}?",
    "Do you remember my {thing}?",
    "Tell me my {thing}.",
)
TOLD = "The user tells me something."
ASKED = "The user told me before."


def memory_conversation(draw: Draw) -> Conversation:
    first, last = _name_turns(draw) if draw.chance(0.55) else _thing_turns(draw)
    between = [any_turn(draw) for _ in range(draw.how_many(0, 0, 1, 1, 2))]
    return Conversation.of_turns([first, *between, last])


def _name_turns(draw: Draw) -> tuple[Turn, Turn]:
    name = draw.person()
    told = Turn(draw.fill(NAME_STATEMENTS, name=name), f"Nice to meet you, {name}!", TOLD)
    return told, Turn(draw.pick(NAME_QUESTIONS), f"Your name is {name}.", ASKED)


def _thing_turns(draw: Draw) -> tuple[Turn, Turn]:
    thing = draw.pick(THINGS)
    value = _value_of(draw, thing)
    statement = draw.fill(THING_STATEMENTS, thing=thing, value=value)
    question = draw.fill(THING_QUESTIONS, thing=thing)
    told = Turn(statement, f"I will remember that your {thing} is {value}.", TOLD)
    return told, Turn(question, f"Your {thing} is {value}.", ASKED)


def _value_of(draw: Draw, thing: str) -> str:
    if thing == "number":
        return str(draw.number())
    return draw.place() if thing == "city" else draw.word()
