"""Tools with two arguments in their natural places, told apart by prepositions, types and quotes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.tiny_models.chat.conversations import pools
from tools.tiny_models.chat.conversations.draw import Draw, article
from tools.tiny_models.chat.conversations.tool_case import (
    Spec,
    ToolCase,
    one_of,
    to_tool,
    tool_name,
)
from tools.tiny_models.chat.conversations.wording import spoken, without_repeats

DESCRIPTIONS = (
    "{Verb} {a_noun}",
    "{Verb} the {noun}",
    "{Verb} {noun}s",
    "{Verb} {a_noun} with {parameters}",
)
REQUESTS = (
    "{Verb} {what}.",
    "{Verb} {what}",
    "Please {verb} {what}.",
    "Can you {verb} {what}?",
    "I want to {verb} {what}.",
)
FROM_TO_NAMES = (
    ("from", "to"),
    ("start", "end"),
    ("source", "target"),
    ("src", "dst"),
    ("departure", "arrival"),
    ("from_place", "to_place"),
    ("old", "new"),
    ("first", "second"),
)


@dataclass(frozen=True)
class Scene:
    """What one request speaks about; the determiner is an article, "my" or nothing."""

    verb: str
    noun: str
    determiner: str
    place: str
    other_place: str
    person: str
    word: str
    text: str
    amount: int
    value: str
    other_value: str
    number_type: str

    @property
    def thing(self) -> str:
        return self.determiner + self.noun


@dataclass(frozen=True)
class Wish:
    """The parameters of a tool, the arguments of the call, and the words that ask for them."""

    parameters: dict[str, Spec]
    arguments: dict[str, Any]
    words: str


def two_argument_case(draw: Draw) -> ToolCase:
    verb, noun = _verb(draw), draw.word().lower()
    values = _values(draw)
    name = tool_name(draw, *verb.split(), noun)
    determiner = draw.pick(("the ", article(noun), article(noun), "my ", ""))
    make_wish = WISHES[draw.integer(0, len(WISHES) - 1)]
    value, other_value, number_type = _late_values(draw)
    scene = Scene(
        verb=verb,
        noun=noun,
        determiner=determiner,
        **values,
        value=value,
        other_value=other_value,
        number_type=number_type,
    )
    return _to_case(draw, name, scene, make_wish(draw, scene))


def _verb(draw: Draw) -> str:
    if draw.chance(0.6):
        return draw.pick(pools.ACTIONS)
    return draw.pick(pools.PHRASAL_ACTIONS) if draw.chance(0.6) else draw.made_up_word()


def _values(draw: Draw) -> dict[str, Any]:
    return {
        "place": draw.place(),
        "other_place": draw.place(),
        "person": draw.person(),
        "word": draw.word(),
        "text": draw.words_or_phrase(1, 4, plain=0.7),
        "amount": draw.integer(1, 999),
    }


def _late_values(draw: Draw) -> tuple[str, str, str]:
    """A value of any kind, a shorter one, the type of a number."""
    value = _any_value(draw)
    other_value = draw.code() if draw.chance(0.4) else draw.word()
    return value, other_value, draw.pick(("number", "integer"))


def _any_value(draw: Draw) -> str:
    if draw.chance(0.3):
        return draw.person()
    if draw.chance(0.4):
        return draw.place()
    return draw.code() if draw.chance(0.4) else draw.word()


def _to_case(draw: Draw, name: str, scene: Scene, wish: Wish) -> ToolCase:
    words = {
        "verb": scene.verb,
        "Verb": scene.verb.capitalize(),
        "noun": scene.noun,
        "a_noun": article(scene.noun) + scene.noun,
        "parameters": " and ".join(key.replace("_", " ") for key in wish.parameters),
    }
    tool = to_tool(name, draw.fill(DESCRIPTIONS, **words), wish.parameters)
    request = draw.fill(REQUESTS, **words, what=wish.words.strip())
    return ToolCase(tool, request, wish.arguments)


def _from_to(draw: Draw, scene: Scene) -> Wish:
    """Two places, or two values such as an old and a new name."""
    start_name, end_name = draw.pick(FROM_TO_NAMES)
    end = scene.other_place if draw.chance(0.5) else scene.value
    start = scene.place if end == scene.other_place else scene.other_value
    return Wish(
        {start_name: "string", end_name: "string"},
        {start_name: start, end_name: end},
        f"{scene.thing} from {start} to {end}",
    )


def _person_and_time(draw: Draw, scene: Scene) -> Wish:
    person_name = draw.pick(("person", "name", "contact", "guest", "who"))
    time_name = draw.pick(("time", "start_time", "at", "when"))
    clock = draw.clock()
    forms = (
        f"{scene.thing} with {scene.person} at {clock}",
        f"{scene.thing} for {scene.person} at {clock}",
        f"{scene.person} at {clock}",
    )
    return Wish(
        {person_name: "string", time_name: "string"},
        {person_name: scene.person, time_name: clock},
        draw.pick(forms),
    )


def _text_and_target(draw: Draw, scene: Scene) -> Wish:
    text_name = draw.pick(("text", "message", "content", "title", "phrase"))
    target_name = draw.pick(("to", "target", "language", "person", "place", "channel"))
    preposition = draw.pick(("to", "into", "in", "for"))
    return Wish(
        {text_name: "string", target_name: "string"},
        {text_name: scene.text, target_name: scene.value},
        f'"{scene.text}" {preposition} {scene.value}',
    )


def _place_and_amount(draw: Draw, scene: Scene) -> Wish:
    place_name = draw.pick(("city", "location", "place"))
    amount_name = draw.pick(("days", "nights", "hours", "people", "guests"))
    return Wish(
        {place_name: "string", amount_name: scene.number_type},
        {place_name: scene.place, amount_name: scene.amount},
        f"{scene.thing} in {scene.place} for {scene.amount} {amount_name}",
    )


def _kind_and_place(draw: Draw, scene: Scene) -> Wish:
    """The kind stands before the noun, so that the order of the parameters says nothing."""
    kind_name = draw.pick(("kind", "type", "style", "color", "category", "brand"))
    place_name = draw.pick(("city", "location", "place", "room", "shop"))
    kind = scene.word if draw.chance(0.6) else scene.word.capitalize()
    names = (place_name, kind_name) if draw.chance(0.5) else (kind_name, place_name)
    values = {kind_name: kind, place_name: scene.place}
    return Wish(
        dict.fromkeys(names, "string"),
        {name: values[name] for name in names},
        f"{draw.pick(('a ', 'the ', ''))}{kind} {scene.noun} in {scene.place}",
    )


def _text_and_choice(draw: Draw, scene: Scene) -> Wish:
    choices = without_repeats(draw.word().lower() for _ in range(draw.integer(2, 3)))
    choice = draw.pick(choices)
    text_name = draw.pick(("title", "name", "text", "item"))
    choice_name = draw.pick(("priority", "level", "status", "size", "color", "mode"))
    quoted = f'"{scene.text}"'
    forms = (
        f"{scene.thing} {quoted} with {choice} {choice_name}",
        f"{scene.thing} with the {text_name} {quoted} and {choice_name} {choice}",
        f"{scene.determiner}{choice} {choice_name} {scene.noun} {quoted}",
        f"{scene.thing} called {quoted} with {choice_name} {choice}",
    )
    return Wish(
        {text_name: "string", choice_name: one_of(choices)},
        {text_name: scene.text, choice_name: choice},
        draw.pick(forms),
    )


def _thing_and_amount(draw: Draw, scene: Scene) -> Wish:
    thing_name = draw.pick(("room", "device", "item", "name"))
    amount_name = draw.pick(("level", "value", "temperature", "amount", "brightness", "speed"))
    forms = (
        f"{scene.thing} in the {scene.word} to {scene.amount}",
        f"the {scene.word} to {scene.amount}",
        f"{scene.thing} of the {scene.word} to {scene.amount}",
    )
    return Wish(
        {thing_name: "string", amount_name: scene.number_type},
        {thing_name: scene.word, amount_name: scene.amount},
        draw.pick(forms),
    )


def _person_and_flag(draw: Draw, scene: Scene) -> Wish:
    person_name = draw.pick(("name", "user", "person", "member"))
    flag_name = draw.pick(("admin", "active", "public", "notify", "urgent"))
    flag = draw.chance(0.5)
    shown = spoken(flag)
    forms = (
        f"{scene.person} to {scene.thing} with {flag_name} {shown}",
        f"{scene.thing} {scene.person} with {flag_name} {shown}",
        f"{scene.thing} for {scene.person}, {flag_name} {shown}",
        f"{scene.thing} {scene.person} and {flag_name} = {shown}",
    )
    return Wish(
        {person_name: "string", flag_name: "boolean"},
        {person_name: scene.person, flag_name: flag},
        draw.pick(forms),
    )


def _single_argument(draw: Draw, scene: Scene) -> Wish:
    """One argument after all, so that the model does not always look for a second."""
    level_name = f"{scene.noun}_level"
    name = draw.pick(("value", "level", level_name, "amount", "name", "room", "id"))
    if name in ("value", "level", level_name, "amount"):
        words = f"{scene.thing} to {scene.amount}"
        return Wish({name: scene.number_type}, {name: scene.amount}, words)
    forms = (
        f"{scene.thing} to {scene.word}",
        f"{scene.thing} in the {scene.word}",
        f"{scene.thing} {scene.word}",
    )
    return Wish({name: "string"}, {name: scene.word}, draw.pick(forms))


WISHES: tuple[Callable[[Draw, Scene], Wish], ...] = (
    _from_to,
    _person_and_time,
    _text_and_target,
    _place_and_amount,
    _kind_and_place,
    _text_and_choice,
    _thing_and_amount,
    _person_and_flag,
    _single_argument,
)
