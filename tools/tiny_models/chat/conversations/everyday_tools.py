"""Everyday tools: their names, their parameters and how one asks for them. Data only.

A tuple of alternatives is drawn from; a single text stands for itself. A parameter's name may be two
names ("from to"): two parameters of one type, drawn as a pair.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tools.tiny_models.chat.conversations.draw import Draw

# Values that one conversation may speak about, by slot name.
Slots = dict[str, Any]
Alternatives = str | tuple[str, ...]


@dataclass(frozen=True)
class EverydayTool:
    """`arguments` names the slots whose values are the arguments, in the parameters' order."""

    names: Alternatives
    descriptions: Alternatives
    parameters: dict[Alternatives, str]
    requests: tuple[str, ...]
    arguments: tuple[str, ...]
    more_slots: Callable[[Draw, Slots], Slots] = field(default=lambda draw, slots: {})


def stock_slots(draw: Draw, slots: Slots) -> Slots:
    return {"symbol": draw.made_up_word().upper()[:4]}


def file_slots(draw: Draw, slots: Slots) -> Slots:
    return {"file": f"{slots['word']}.{draw.pick(('txt', 'md', 'csv', 'py', 'json'))}"}


def two_file_slots(draw: Draw, slots: Slots) -> Slots:
    endings = ("txt", "md", "csv")
    return {
        "file": f"{slots['word']}.{draw.pick(endings)}",
        "other_file": f"{slots['other_word']}.{draw.pick(endings)}",
    }


def sum_slots(draw: Draw, slots: Slots) -> Slots:
    small = draw.integer(0, 99), draw.integer(0, 99)
    a, b = draw.pick((small, (slots["big"], slots["small"])))
    return {"a": a, "b": b}


def expression_slots(draw: Draw, slots: Slots) -> Slots:
    return {"expression": f"{slots['big']} {draw.pick(('+', '-', '*', '/'))} {slots['small']}"}


def range_slots(draw: Draw, slots: Slots) -> Slots:
    return {"top": slots["small"] + slots["big"]}


GET_TIME = EverydayTool(
    names=("get_current_time", "current_time", "get_time"),
    descriptions=(
        "Get the current time in a timezone",
        "Current time of a timezone",
        "Get the time",
    ),
    parameters={("timezone", "timezone", "zone", "tz"): "string"},
    requests=(
        "What time is it in {zone}?",
        "What is the current time in {zone}?",
        "Tell me the time in {zone}.",
        "Time in {zone}?",
    ),
    arguments=("zone",),
)
SEARCH = EverydayTool(
    names=("web_search", "search", "search_web"),
    descriptions=("Search the web", "Search the internet"),
    parameters={("query", "q", "text"): "string"},
    requests=(
        "Search the web for {text}.",
        "Search for {text}.",
        "Find {text} on the web.",
        "Look for {text} on the internet.",
    ),
    arguments=("text",),
)
SEND_EMAIL = EverydayTool(
    names="send_email",
    descriptions=("Send an email", "Send an email to someone"),
    parameters={"to": "string", ("text", "body", "message"): "string"},
    requests=(
        "Send an email to {person} saying {text}.",
        "Send {person} an email: {text}",
        "Email {person} this text: {text}",
    ),
    arguments=("person", "text"),
)
SEND_MESSAGE = EverydayTool(
    names=("send_message", "message"),
    descriptions="Send a message to a person",
    parameters={("recipient", "person", "to"): "string", "message": "string"},
    requests=(
        'Send the message "{text}" to {person}.',
        "Message {person}: {text}",
        "Tell {person} that {text}.",
    ),
    arguments=("person", "text"),
)
SET_TIMER = EverydayTool(
    names=("set_timer", "start_timer"),
    descriptions="Set a timer",
    parameters={("minutes", "duration"): "number"},
    requests=(
        "Set a timer for {small} minutes.",
        "Timer for {small} minutes",
        "Start a timer of {small} minutes.",
    ),
    arguments=("small",),
)
SET_ALARM = EverydayTool(
    names="set_alarm",
    descriptions=("Set an alarm", "Set an alarm clock"),
    parameters={("time", "at"): "string"},
    requests=("Set an alarm for {clock}.", "Wake me up at {clock}.", "Alarm at {clock}"),
    arguments=("clock",),
)
ROLL_DICE = EverydayTool(
    names=("roll_dice", "roll"),
    descriptions="Roll dice",
    parameters={"sides": "number"},
    requests=("Roll a dice with {small} sides.", "Roll a {small} sided dice."),
    arguments=("small",),
)
GET_POPULATION = EverydayTool(
    names="get_population",
    descriptions="Get the population of a city",
    parameters={"city": "string"},
    requests=("What is the population of {place}?", "How many people live in {place}?"),
    arguments=("place",),
)
PLAY_MUSIC = EverydayTool(
    names="play_music",
    descriptions="Play music",
    parameters={("artist", "song"): "string"},
    requests=("Play music by {person}.", "Play some songs by {person}."),
    arguments=("person",),
)
GET_STOCK = EverydayTool(
    names=("get_stock_price", "stock_price"),
    descriptions="Get the price of a stock",
    parameters={("symbol", "ticker"): "string"},
    requests=(
        "What is the stock price of {symbol}?",
        "Get the stock price for {symbol}.",
        "How much is {symbol} stock?",
    ),
    arguments=("symbol",),
    more_slots=stock_slots,
)
READ_FILE = EverydayTool(
    names=("read_file", "open_file"),
    descriptions=("Read a file", "Open a file"),
    parameters={("path", "file", "filename"): "string"},
    requests=(
        "Read the file {file}.",
        "Open {file}",
        "Show me the file {file}",
        "What is in the file {file}?",
    ),
    arguments=("file",),
    more_slots=file_slots,
)
CREATE_NOTE = EverydayTool(
    names=("create_note", "add_note", "save_note"),
    descriptions=("Create a note", "Save a note"),
    parameters={("text", "content"): "string"},
    requests=("Create a note: {text}", "Make a note saying {text}.", 'Note "{text}"'),
    arguments=("text",),
)
GET_DISTANCE = EverydayTool(
    names=("get_distance", "distance"),
    descriptions="Get the distance between two places",
    parameters={("from to", "start end", "a b"): "string"},
    requests=(
        "How far is it from {place} to {other_place}?",
        "What is the distance from {place} to {other_place}?",
        "Distance between {place} and {other_place}?",
    ),
    arguments=("place", "other_place"),
)
SET_VOLUME = EverydayTool(
    names=("set_volume", "volume"),
    descriptions="Set the volume",
    parameters={("level", "volume"): "number"},
    requests=("Set the volume to {small}.", "Volume {small}", "Change the volume to {small}"),
    arguments=("small",),
)
GET_NEWS = EverydayTool(
    names=("get_news", "news"),
    descriptions="Get news about a topic",
    parameters={"topic": "string"},
    requests=(
        "Get news about {word}.",
        "What is new about {word}?",
        "Show me the news about {word}.",
    ),
    arguments=("word",),
)
ORDER_FOOD = EverydayTool(
    names=("order_food", "order"),
    descriptions="Order food",
    parameters={("item", "food", "dish"): "string", ("quantity", "count", "amount"): "number"},
    requests=(
        "Order {small} {word}.",
        "I want to order {small} {word}.",
        "Please order {small} {word} for me.",
    ),
    arguments=("word", "small"),
)
BOOK_HOTEL = EverydayTool(
    names=("book_hotel", "reserve_hotel"),
    descriptions="Book a hotel",
    parameters={"city": "string", "nights": "number"},
    requests=(
        "Book a hotel in {place} for {small} nights.",
        "I need a hotel in {place} for {small} nights.",
    ),
    arguments=("place", "small"),
)
COPY_FILE = EverydayTool(
    names=("copy_file", "move_file"),
    descriptions=("Copy a file", "Move a file"),
    parameters={("source target", "src dst", "from to"): "string"},
    requests=(
        "Copy {file} to {other_file}.",
        "Move the file {file} to {other_file}",
        "Copy the file {file} to {other_file}.",
    ),
    arguments=("file", "other_file"),
    more_slots=two_file_slots,
)
ADD = EverydayTool(
    names=("add", "add_numbers", "sum"),
    descriptions="Add two numbers",
    parameters={"a b": "number"},
    requests=("Add {a} and {b}.", "What is {a} plus {b}?", "What is {a} + {b}?"),
    arguments=("a", "b"),
    more_slots=sum_slots,
)
CALCULATE = EverydayTool(
    names=("calculate", "calculator", "math"),
    descriptions=("Calculate an expression", "Evaluate math"),
    parameters={"expression": "string"},
    requests=("What is {expression}?", "Calculate {expression}.", "Compute {expression}"),
    arguments=("expression",),
    more_slots=expression_slots,
)
ADD_REMINDER = EverydayTool(
    names=("add_reminder", "remind", "set_reminder"),
    descriptions="Add a reminder",
    parameters={"text time": "string"},
    requests=("Remind me at {clock} to {text}.", "Add a reminder at {clock}: {text}"),
    arguments=("text", "clock"),
)
GENERATE_IMAGE = EverydayTool(
    names=("generate_image", "draw"),
    descriptions="Generate an image",
    parameters={"prompt": "string"},
    requests=("Draw {text}.", "Generate an image of {text}.", "Make a picture of {text}"),
    arguments=("text",),
)
CALL_CONTACT = EverydayTool(
    names=("call_contact", "call", "phone"),
    descriptions="Call a person by phone",
    parameters={("name", "contact", "person"): "string"},
    requests=("Call {person}.", "Please call {person}", "Phone {person}"),
    arguments=("person",),
)
GET_EVENTS = EverydayTool(
    names=("get_events", "list_events"),
    descriptions="List the events of a day",
    parameters={("date", "day"): "string"},
    requests=(
        "What are the events on {date}?",
        "List the events of {date}.",
        "Show my events on {date}",
    ),
    arguments=("date",),
)
RANDOM_NUMBER = EverydayTool(
    names=("random_number", "get_random"),
    descriptions="Get a random number",
    parameters={("min max", "low high"): "number"},
    requests=(
        "Give me a random number between {small} and {top}.",
        "Random number from {small} to {top}",
    ),
    arguments=("small", "top"),
    more_slots=range_slots,
)
