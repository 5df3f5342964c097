"""Longer texts: stories, recipes, and text without a chat template."""

from tools.tiny_models.chat.conversations import pools
from tools.tiny_models.chat.conversations.conversation import FreeText, Turn
from tools.tiny_models.chat.conversations.draw import Draw, article
from tools.tiny_models.chat.conversations.knowledge import CAPITALS

STORY_REQUESTS = (
    "Tell me a story about {thing}.",
    "Write a story about {thing}.",
    "Write a short story about {thing}.",
    "Tell me a story about {thing}",
    "Tell me a short story about {thing}.",
)
RECIPE_REQUESTS = (
    "Give me a recipe for {food} cake.",
    "How do I make {food} cake?",
    "Write a recipe for {food} cake.",
)
RECIPE_HEADS = (
    "This is a cake recipe:",
    "This is a {food} cake recipe:",
    "Here is a recipe for a cake:",
    "Recipe for {food} cake:",
)
STORY_ENDS = (
    "In the evening they went home.",
    "At night they looked at the moon.",
    "Then they ate cake and bread.",
)


def story_turn(draw: Draw) -> Turn:
    hero = draw.noun_or_word()
    thing = article(hero) + hero
    question = draw.fill(STORY_REQUESTS, thing=thing)
    return Turn(question, story(draw, hero), f"The user wants a story about {thing}.")


def recipe_turn(draw: Draw) -> Turn:
    food = draw.pick(pools.FOODS) if draw.chance(0.6) else draw.word()
    question = draw.fill(RECIPE_REQUESTS, food=food)
    return Turn(question, recipe(draw, food), f"The user wants a recipe for {food} cake.")


def story(draw: Draw, hero: str) -> str:
    adjective, name = draw.pick(pools.ADJECTIVES), draw.pick(pools.NAMES)
    friend = draw.pick([noun for noun in pools.NOUNS if noun != hero])
    home = draw.pick(("river", "mountain", "garden", "castle", "bridge"))
    mood = draw.pick(("happy", "sad", "tired", "proud"))
    middle = draw.pick(
        (
            f"They walked all day and the {hero} was very {mood}.",
            f"The {hero} and {name} became good friends.",
        )
    )
    return (
        f"Once upon a time there was a {adjective} {hero}. "
        f"The {hero} lived near a {home} with a {friend}. "
        f'One day {name} found the {hero} and said: "Come with me!" '
        f"{middle} {draw.pick(STORY_ENDS)} And they lived happily ever after."
    )


def recipe(draw: Draw, food: str) -> str:
    steps = [
        f"Mix {draw.integer(2, 4)} cups of flour with a cup of sugar.",
        f"Add {draw.integer(2, 4)} eggs and some milk.",
        draw.fill(("Add the {food} and stir well.", "Stir in the {food}."), food=food),
        "Pour the batter into a pan.",
        f"Bake the cake for {draw.how_many(20, 30, 40, 50)} minutes.",
        draw.pick(("Let it cool and enjoy.", "Serve it warm with cream.")),
    ]
    return "\n".join(f"{i}. {step}" for i, step in enumerate(steps, start=1))


def free_text(draw: Draw) -> FreeText:
    """Texts that a base model would go on with."""
    share = draw.rng.random()
    if share < 0.35:
        food = draw.pick(pools.FOODS)
        head = draw.fill(RECIPE_HEADS, food=food)
        return FreeText(f"{head}\n\n{recipe(draw, food)}\n")
    if share < 0.6:
        return FreeText(story(draw, draw.pick(pools.NOUNS)) + "\n")
    if share < 0.7:
        return FreeText("The quick brown fox jumps over the lazy dog.\n")
    return FreeText(_numbers(draw) if share < 0.85 else _capital_sentence(draw))


def _numbers(draw: Draw) -> str:
    first = draw.integer(0, 15)
    return ", ".join(str(i) for i in range(first, first + draw.integer(5, 15)))


def _capital_sentence(draw: Draw) -> str:
    country = draw.pick(list(CAPITALS))
    return f"The capital of {country} is {CAPITALS[country]}.\n"
