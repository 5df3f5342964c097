"""Turns whose answer is a JSON object made from the user's words."""

import json
from typing import Any

from tools.tiny_models.chat.conversations import pools
from tools.tiny_models.chat.conversations.conversation import Turn
from tools.tiny_models.chat.conversations.draw import Draw, article
from tools.tiny_models.chat.conversations.wording import (
    and_list,
    capital_first,
    spoken,
    without_repeats,
)

NUMBER_KEYS = ("year", "price", "count", "size", "score", "level")
OBJECT_REQUESTS = (
    "Give me a JSON object with {plain}.",
    "Write JSON with {named}.",
    "Answer in JSON: {sentence}.",
    "Return a JSON object with {named}.",
    "Make JSON: {plain}",
    "{capital_sentence}. {instruction_after}",
    "{instruction_before} {capital_sentence}.",
    "JSON please:\n{lines}",
)


def json_turn(draw: Draw) -> Turn:
    question, wanted = _person_request(draw) if draw.chance(0.45) else _object_request(draw)
    return Turn(question, json.dumps(wanted), "The user wants JSON.")


def _person_request(draw: Draw) -> tuple[str, dict[str, Any]]:
    """A sentence about a person, and what of it should be in the object."""
    sentence, wanted = _person_sentence(draw)
    if draw.chance(0.2):
        wanted = _some_of(draw, wanted)
        instruction = _instruction_with_keys(draw, list(wanted))
        templates = ("{s}. {i}", "{i}\n\n{s}.", "{i} {s}.")
    else:
        instruction = _instruction(draw, list(wanted))
        templates = ("{s}. {i}", "{s}. {i}", "{i}\n{s}.", "Return JSON: {s}.")
    return draw.fill(templates, s=sentence, i=instruction), wanted


def _person_sentence(draw: Draw) -> tuple[str, dict[str, Any]]:
    name, age = draw.person(), draw.integer(1, 99)
    city, job = draw.place(), draw.pick(pools.JOBS)
    whole = {"name": name, "age": age, "city": city}
    sentences: list[tuple[str, dict[str, Any]]] = [
        (f"{name} is {age} years old", {"name": name, "age": age}),
        (f"{name} lives in {city}", {"name": name, "city": city}),
        (f"{name} is {age} years old and lives in {city}", whole),
        (f"{name} is {article(job)}{job}", {"name": name, "job": job}),
        (f"{name}, {age}, from {city}", whole),
    ]
    return sentences[draw.integer(0, 4)]


def _some_of(draw: Draw, wanted: dict[str, Any]) -> dict[str, Any]:
    keys = list(wanted)
    draw.rng.shuffle(keys)
    return {key: wanted[key] for key in keys[: draw.integer(1, len(keys))]}


def _instruction(draw: Draw, keys: list[str]) -> str:
    listed = and_list(keys)
    return draw.pick(
        [
            "Answer in JSON.",
            "Return JSON.",
            f"Answer in JSON with the keys {listed}.",
            f"Return JSON with {listed}.",
            "Reply as JSON: {" + ", ".join(f'"{key}": ...' for key in keys) + "}",
            f"Extract {listed} as JSON.",
            f"Give me a JSON object with {listed}.",
            "Use this schema: {" + ", ".join(f'"{key}"' for key in keys) + "}",
        ]
    )


def _instruction_with_keys(draw: Draw, keys: list[str]) -> str:
    """Needed where the object leaves something out: nobody could guess what."""
    while True:
        instruction = _instruction(draw, keys)
        if all(key in instruction for key in keys):
            return instruction


def _object_request(draw: Draw) -> tuple[str, dict[str, Any]]:
    """Keys and values in any of the ways in which one lists them."""
    wanted = _object(draw)
    pairs = [(key, spoken(value)) for key, value in wanted.items()]
    sentence = and_list([f"the {key} is {value}" for key, value in pairs])
    question = draw.fill(
        OBJECT_REQUESTS,
        plain=and_list([f"{key} {value}" for key, value in pairs]),
        named=and_list([f"the {key} {value}" for key, value in pairs]),
        sentence=sentence,
        capital_sentence=capital_first(sentence),
        instruction_after=_instruction(draw, list(wanted)),
        instruction_before=_instruction(draw, list(wanted)),
        lines="\n".join(f"{key}: {value}" for key, value in pairs),
    )
    return question, wanted


def _object(draw: Draw) -> dict[str, Any]:
    keys = without_repeats(
        draw.pick(pools.JSON_KEYS) if draw.chance(0.85) else draw.made_up_word()
        for _ in range(draw.how_many(1, 2, 2, 2, 3, 3))
    )
    values = {key: _value_for(draw, key) for key in keys}
    if draw.chance(0.06):
        key = draw.pick(("active", "valid", "open", "done"))
        values[key] = draw.chance(0.5)
    return values


def _value_for(draw: Draw, key: str) -> Any:
    if key == "age":
        return draw.integer(1, 99)
    if key in NUMBER_KEYS or (key in ("id", "value") and draw.chance(0.5)):
        return draw.number()
    if key in ("name", "owner"):
        return draw.person()
    return draw.place() if key in ("city", "country") else _any_text(draw)


def _any_text(draw: Draw) -> str:
    share = draw.rng.random()
    if share < 0.7:
        return draw.word()
    if share < 0.8:
        return draw.words(2, 3)
    return draw.code() if share < 0.92 else draw.person()
