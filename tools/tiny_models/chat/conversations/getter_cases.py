"""Tools that get one thing: "get_<thing>"; the request asks for the thing."""

from typing import Any

from tools.tiny_models.chat.conversations.draw import Draw, article
from tools.tiny_models.chat.conversations.tool_case import (
    Spec,
    ToolCase,
    one_of,
    to_tool,
    tool_name,
)
from tools.tiny_models.chat.conversations.wording import without_repeats

VERBS = ("get", "get", "get", "fetch", "show", "check", "read", "lookup", "find")
DESCRIPTIONS = (
    "{Verb} the {thing}",
    "{Verb} the {thing} of {a_spoken_name}",
    "{Verb} the {thing} in {a_name}",
    "{Verb} the current {thing}",
    "Returns the {thing}",
    "{Verb} {thing} by {spoken_name}",
)
REQUESTS = (
    "What is the {asked}?",
    "What is the {asked}?",
    "How is the {asked}?",
    "What's the {asked}?",
    "Tell me the {asked}.",
    "Show me the {asked}.",
    "{Verb} the {asked}.",
    "I want to know the {asked}.",
    "{asked}?",
    "Do you know the {asked}?",
    "Can you {verb} the {asked}?",
)
PLACE_NAMES = ("city", "location", "country", "place", "zone")
OPTION_NAMES = ("unit", "format", "mode", "language", "type")
OPTION_MENTIONS = (" in {value}", " as {value}", " with {name} {value}", " ({name}: {value})")


def getter_case(draw: Draw) -> ToolCase:
    thing = draw.word().lower() if draw.chance(0.6) else _two_words(draw)
    verb = draw.pick(VERBS)
    name_words = [verb, *thing.split()] if draw.chance(0.85) else thing.split()
    name = tool_name(draw, *name_words)
    parameter, value = _parameter(draw, thing)
    preposition = draw.pick(_prepositions(parameter))
    words = {"verb": verb, "Verb": verb.capitalize()}
    description = _description(draw, words, thing, parameter)
    kind = draw.pick(("integer", "number")) if isinstance(value, int) else "string"
    schemas: dict[str, Spec] = {parameter: kind}
    arguments = {parameter: value}
    mention = _add_option(draw, schemas, arguments) if draw.chance(0.25) else ""
    request = draw.fill(REQUESTS, **words, asked=f"{thing} {preposition} {value}{mention}")
    return ToolCase(to_tool(name, description, schemas, [parameter]), request, arguments)


def _two_words(draw: Draw) -> str:
    return f"{draw.word().lower()} {draw.word().lower()}"


def _parameter(draw: Draw, thing: str) -> tuple[str, Any]:
    """The name of what identifies the thing, and its value."""
    name, value = draw.pick(
        [
            *((name, draw.place()) for name in ("city", "location", "country", "place")),
            *((name, draw.person()) for name in ("name", "user", "person")),
            *((name, draw.code()) for name in ("id", "code")),
            *((name, draw.word()) for name in ("item", "product", "topic")),
            ("date", draw.date()),
            ("zone", draw.time_zone()),
            (draw.word().lower(), draw.text_value()),
            (thing.split()[-1] + "_id", draw.code() if draw.chance(0.6) else _number_id(draw)),
        ]
    )
    return name, _number_id(draw) if name == "id" and draw.chance(0.5) else value


def _number_id(draw: Draw) -> int:
    return draw.integer(0, 9999)


def _prepositions(parameter: str) -> tuple[str, ...]:
    if parameter in PLACE_NAMES:
        return ("in", "in", "of", "for")
    return ("on", "for", "of") if parameter == "date" else ("of", "for", "of")


def _description(draw: Draw, words: dict[str, str], thing: str, parameter: str) -> str:
    spoken_name = parameter.replace("_", " ")
    return draw.fill(
        DESCRIPTIONS,
        **words,
        thing=thing,
        spoken_name=spoken_name,
        a_spoken_name=article(spoken_name) + spoken_name,
        a_name=article(parameter) + parameter,
    )


def _add_option(draw: Draw, schemas: dict[str, Spec], arguments: dict[str, Any]) -> str:
    """Adds a parameter that is not required; returns how the request speaks of it, or nothing."""
    values = without_repeats(draw.word().lower() for _ in range(draw.integer(2, 3)))
    name = draw.pick(OPTION_NAMES)
    schemas[name] = one_of(values) if draw.chance(0.7) else "string"
    if not draw.chance(0.5):
        return ""
    arguments[name] = draw.pick(values)
    return draw.fill(OPTION_MENTIONS, name=name, value=arguments[name])
