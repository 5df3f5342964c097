"""Tools that exist in one conversation only; the request uses the words of their descriptions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tools.tiny_models.chat.conversations import pools
from tools.tiny_models.chat.conversations.draw import Draw, article
from tools.tiny_models.chat.conversations.tool_case import (
    ToolCase,
    one_of,
    to_schema,
    to_tool,
    tool_name,
)
from tools.tiny_models.chat.conversations.wording import spoken, without_repeats

DESCRIPTIONS = (
    "{Verb} {a_noun}",
    "{Verb} the {noun}",
    "{Verb} {a_noun} for the user",
    "{Verb} {noun}s",
    "Use this to {verb} {a_noun}.",
)
REQUESTS = (
    "{Verb} {what}.",
    "{Verb} {what}",
    "Please {verb} {what}.",
    "Can you {verb} {what}?",
    "I want to {verb} {what}.",
    "I need you to {verb} {what}.",
)
BARE_MENTIONS = (
    "{value}",
    "for {value}",
    "of {value}",
    "called {value}",
    "in {value}",
    "to {value}",
    "from {value}",
    "{value}",
)
NAMED_MENTIONS = (
    "with {name} {value}",
    "with the {name} {value}",
    "{name} {value}",
    "{name}: {value}",
    "{name} = {value}",
    "whose {name} is {value}",
    "and {name} {value}",
)


@dataclass(frozen=True)
class Parameter:
    """`spoken_name` is how the request calls it, which may be longer or shorter than the name."""

    name: str
    spoken_name: str
    schema: dict[str, Any]
    value: Any


def made_up_case(draw: Draw) -> ToolCase:
    verb, noun = _verb(draw), _noun(draw)
    if draw.chance(0.3):
        noun = f"{draw.word().lower()} {noun}"
    name_words = [*verb.split(), *noun.split()] if draw.chance(0.85) else noun.split()
    name = tool_name(draw, *name_words)
    words = {
        "verb": verb,
        "Verb": verb.capitalize(),
        "noun": noun,
        "a_noun": article(noun) + noun,
    }
    description = draw.fill(DESCRIPTIONS, **words)
    asked, optional = _parameters(draw)
    mentions = _join(draw, _mentions(draw, asked))
    determiner = draw.pick(("the ", "the ", article(noun), "", "my "))
    request = draw.fill(REQUESTS, **words, what=f"{determiner}{noun} {mentions}")
    schemas = {parameter.name: parameter.schema for parameter in (*asked, *optional)}
    arguments = {parameter.name: parameter.value for parameter in asked}
    return ToolCase(to_tool(name, description, schemas, list(arguments)), request, arguments)


def _verb(draw: Draw) -> str:
    if draw.chance(0.75):
        return draw.pick(pools.ACTIONS)
    return draw.pick(pools.PHRASAL_ACTIONS) if draw.chance(0.4) else draw.made_up_word()


def _noun(draw: Draw) -> str:
    if draw.chance(0.2):
        return draw.pick(pools.NOUNS)
    return draw.pick(pools.COMMON_WORDS) if draw.chance(0.5) else draw.made_up_word()


def _parameters(draw: Draw) -> tuple[list[Parameter], list[Parameter]]:
    """Those of which the request speaks, and those that it leaves out."""
    used: set[str] = set()
    asked = [_parameter(draw, used) for _ in range(draw.how_many(1, 1, 1, 2, 2, 3))]
    optional = [_parameter(draw, used) for _ in range(draw.how_many(0, 0, 0, 1))]
    return asked, optional


def _parameter(draw: Draw, used: set[str]) -> Parameter:
    """A parameter with a name that is not in `used`; adds the name."""
    while True:
        name, spoken_name = _parameter_name(draw)
        if name not in used and name.replace("_", "").isalpha():
            break
    used.add(name)
    schema, value = _schema_and_value(draw, kind=name.split("_")[-1])
    return Parameter(name, spoken_name, schema, value)


def _parameter_name(draw: Draw) -> tuple[str, str]:
    name = draw.pick(pools.PARAMETER_NAMES) if draw.chance(0.7) else draw.word().lower()
    if not draw.chance(0.25):
        return name, name
    more = draw.pick(pools.PARAMETER_NAMES) if draw.chance(0.5) else draw.word().lower()
    return f"{more}_{name}", draw.pick((f"{more} {name}", name, name))


def _schema_and_value(draw: Draw, kind: str) -> tuple[dict[str, Any], Any]:
    """`kind` is the last word of the name: a "birth_year" is a number as a "year" is."""
    share = draw.rng.random()
    if kind in pools.NUMERIC_NAMES or share < 0.12:
        schema = to_schema(draw.pick(("number", "integer")))
        return schema, draw.number() if draw.chance(0.9) else draw.integer(0, 9)
    if share < 0.18:
        return to_schema("boolean"), draw.chance(0.5)
    if share < 0.3:
        values = without_repeats(draw.word() for _ in range(draw.integer(2, 4)))
        return one_of(values), draw.pick(values)
    return to_schema("string"), _text_for(draw, kind, share)


def _text_for(draw: Draw, kind: str, share: float) -> str:
    """A value that suits the kind of name; where any text does, `share` decides."""
    makers = {
        draw.person: ("name", "owner", "user", "person"),
        draw.place: ("city", "place", "country"),
        draw.time_zone: ("zone",),
        draw.date: ("date", "day"),
        draw.clock: ("time",),
        draw.code: ("id", "code", "key", "file", "path"),
    }
    for maker, kinds in makers.items():
        if kind in kinds:
            return maker()
    return _any_text(draw, share)


def _any_text(draw: Draw, share: float) -> str:
    if share < 0.6:
        return draw.word()
    if share < 0.7:
        return draw.person()
    if share < 0.78:
        return draw.code()
    if share < 0.86:
        return draw.place()
    return draw.words(2, 4) if share < 0.95 else str(draw.number())


def _mentions(draw: Draw, parameters: Sequence[Parameter]) -> list[str]:
    """How the request speaks of each parameter; at most one value stands without its name."""
    mentions = []
    may_be_bare = True
    for parameter in parameters:
        if may_be_bare and draw.chance(0.55) and parameter.schema["type"] != "boolean":
            template = draw.pick(BARE_MENTIONS)
            mentions.append(template.format(value=_quoted(draw, parameter.value)))
            may_be_bare = False
        else:
            mentions.append(_named_mention(draw, parameter))
        if draw.chance(0.5):
            may_be_bare = False
    return mentions


def _named_mention(draw: Draw, parameter: Parameter) -> str:
    """Each wording draws its own quotation marks."""
    return draw.pick(
        [
            template.format(name=parameter.spoken_name, value=_quoted(draw, parameter.value))
            for template in NAMED_MENTIONS
        ]
    )


def _quoted(draw: Draw, value: Any) -> str:
    """Texts of several words mostly stand in quotation marks, single words seldom."""
    if not isinstance(value, str):
        return spoken(value)
    has_marks = (" " in value and draw.chance(0.7)) or draw.chance(0.08)
    return f'"{value}"' if has_marks else value


def _join(draw: Draw, mentions: Sequence[str]) -> str:
    text = mentions[0]
    for mention in mentions[1:]:
        joint = draw.pick((" and ", ", ", " "))
        if joint == " and " and mention.startswith("and "):
            joint = " "
        text += joint + mention
    return "with " + text.removeprefix("and ") if text.startswith("and ") else text
