"""Conversations in which the system message says who the assistant is."""

from dataclasses import dataclass

from tools.tiny_models.chat.conversations import pools
from tools.tiny_models.chat.conversations.conversation import Conversation, Turn
from tools.tiny_models.chat.conversations.draw import Draw, article
from tools.tiny_models.chat.conversations.turn_mix import any_turn

FULL_PROMPTS = (
    "You are {name}, {a_job} from {place}. You love {hobby}.",
    "Your name is {name}. You are {a_job}. You live in {place} and you love {hobby}.",
    "{name}'s persona: {name} is {a_job} from {place} who loves {hobby}.",
    "The following is a conversation with {name}. {name} is {a_job} from {place}."
    " {name} loves {hobby}.",
    "Play the role of {name}, {a_job}. {name} lives in {place} and loves {hobby}.",
    "You are {name}, {a_job} from {place} who loves {hobby}. Stay in character.",
    "Name: {name}\nJob: {job}\nCity: {place}\nLoves: {hobby}",
)
NAME_PROMPTS = (
    "You are {name}.",
    "Your name is {name}.",
    "You are {name}, a helpful assistant.",
    "You are a helpful assistant called {name}.",
    "You are {name}. Answer briefly.",
)
# (questions, answer); the first two ask for nothing but the name.
SUBJECTS = (
    (
        (
            "What is your name?",
            "Who are you?",
            "What's your name?",
            "Tell me your name.",
            "who are you",
        ),
        "My name is {name}.",
    ),
    (("Hello", "Hi", "Hi!", "Hello!", "Hey"), "Hello, I am {name}! How can I help you today?"),
    (
        ("What is your job?", "What do you do?", "What do you do for a living?"),
        "I am {a_job}.",
    ),
    (
        ("Where do you live?", "Where are you from?", "Which city do you live in?"),
        "I live in {place}.",
    ),
    (
        ("What do you love?", "What do you like?", "What is your hobby?"),
        "I love {hobby}.",
    ),
    (
        ("Introduce yourself.", "Tell me about yourself."),
        "My name is {name}. I am {a_job} from {place} and I love {hobby}.",
    ),
)
# Answers of these turns would be the model's own name or greeting.
OUT_OF_CHARACTER = ("Hello", "I am", "My name")


@dataclass(frozen=True)
class Persona:
    prompt: str
    values: dict[str, str]
    has_only_name: bool


def draw_persona(draw: Draw) -> Persona:
    name, place = draw.person(), draw.place()
    job = draw.pick(pools.JOBS) if draw.chance(0.6) else draw.word()
    hobby = draw.pick(pools.HOBBIES) if draw.chance(0.6) else draw.word()
    values = {"name": name, "place": place, "job": job, "a_job": article(job) + job, "hobby": hobby}
    prompt = draw.fill(FULL_PROMPTS, **values)
    if draw.chance(0.25):
        return Persona(draw.fill(NAME_PROMPTS, **values), values, has_only_name=True)
    return Persona(prompt, values, has_only_name=False)


def persona_turn(draw: Draw, persona: Persona) -> Turn:
    pairs = [(draw.pick(questions), answer) for questions, answer in SUBJECTS]
    question, answer = draw.pick(pairs[:2] if persona.has_only_name else pairs)
    return Turn(question, answer.format(**persona.values), "I stay in character.")


def persona_conversation(draw: Draw) -> Conversation:
    persona = draw_persona(draw)
    count = draw.how_many(1, 1, 2, 3)
    turns = [
        persona_turn(draw, persona) if draw.chance(0.85) else _other_turn(draw)
        for _ in range(count)
    ]
    return Conversation.of_turns(turns).with_system(persona.prompt)


def _other_turn(draw: Draw) -> Turn:
    while True:
        turn = any_turn(draw)
        if not turn.answer.startswith(OUT_OF_CHARACTER):
            return turn
