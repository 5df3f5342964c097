"""The tools of the test set, each with a request and the arguments of the right call.

Every list is drawn anew for each case, so that requests and arguments change.
"""

from random import Random
from typing import Any

from tools.tiny_models.chat.conversations.tool_case import ToolCase, one_of, to_tool
from tools.tiny_models.chat.held_out import words
from tools.tiny_models.chat.held_out.case import random_code

WEATHER, TIMER, AIR_QUALITY = 1, 2, 10  # positions in the lists below


def known_tools(rng: Random) -> list[ToolCase]:
    """Tools, words and wordings that the generator has."""
    zone, city = rng.choice(words.KNOWN_TIME_ZONES), rng.choice(words.KNOWN_CITIES)
    person, minutes = rng.choice(words.KNOWN_NAMES), rng.randint(2, 90)
    artist = rng.choice(words.KNOWN_NAMES)
    text = f"{rng.choice(words.KNOWN_ADJECTIVES)} {rng.choice(words.KNOWN_NOUNS)}"
    email = to_tool("send_email", "Send an email", {"to": "string", "text": "string"})
    return [
        _time_case(zone),
        ToolCase(
            to_tool("get_weather", "Get the weather in a city", {"city": "string"}),
            f"What is the weather in {city}?",
            {"city": city},
        ),
        ToolCase(
            to_tool("set_timer", "Set a timer", {"minutes": "number"}),
            f"Set a timer for {minutes} minutes.",
            {"minutes": minutes},
        ),
        ToolCase(email, f"Send an email to {person} saying {text}.", {"to": person, "text": text}),
        ToolCase(
            to_tool("play_music", "Play music", {"artist": "string"}),
            f"Play music by {artist}.",
            {"artist": artist},
        ),
        ToolCase(
            to_tool("web_search", "Search the web", {"query": "string"}),
            f"Search the web for {text}.",
            {"query": text},
        ),
    ]


def unknown_tools(rng: Random) -> list[ToolCase]:
    """Words that the generator refuses; all but two of the tools are unknown to it too."""
    values = _draw_values(rng)
    return [
        _flight_case(values["city"], values["other_city"]),
        *_text_cases(values),
        _restaurant_case(values["cuisine"], values["city"]),
        *_house_and_meeting_cases(values),
        *_lookup_cases(values),
    ]


def _draw_values(rng: Random) -> dict[str, Any]:
    city, other_city = rng.sample(words.CITIES, 2)
    person, member = rng.sample(words.NAMES, 2)
    word, second, third = rng.sample(words.WORDS, 3)
    return {
        "city": city,
        "other_city": other_city,
        "person": person,
        "member": member,
        "word": word,
        "second": second,
        "third": third,
        "code": random_code(rng),
        "number": rng.randint(2, 999),
        "zone": rng.choice(words.TIME_ZONES),
        "priority": rng.choice(["low", "high"]),
        "language": rng.choice(["Swedish", "Korean", "Finnish", "Welsh"]),
        "cuisine": rng.choice(["Thai", "Mexican", "vegan"]),
        **_draw_times(rng),
    }


def _draw_times(rng: Random) -> dict[str, str]:
    """The day is in no request; without its draw the later ones would change."""
    year, month, day = rng.randint(2024, 2031), rng.randint(1, 12), rng.randint(1, 28)
    return {
        "day": f"{year}-{month:02d}-{day:02d}",
        "clock": f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}",
    }


def _text_cases(values: dict[str, Any]) -> list[ToolCase]:
    text, title = f"{values['word']} {values['second']}", f"{values['word']} {values['third']}"
    language, priority = values["language"], values["priority"]
    translation = {"text": "string", "language": "string"}
    ticket = {"title": "string", "priority": one_of(["low", "high"])}
    return [
        ToolCase(
            to_tool("translate_text", "Translate a text into another language", translation),
            f'Translate "{text}" into {language}.',
            {"text": text, "language": language},
        ),
        ToolCase(
            to_tool("create_ticket", "Create a support ticket", ticket),
            f'Create a support ticket with the title "{title}" and priority {priority}.',
            {"title": title, "priority": priority},
        ),
        ToolCase(
            to_tool("lookup_order", "Look up an order", {"order_id": "string"}),
            f"Look up the order {values['code']}.",
            {"order_id": values["code"]},
        ),
    ]


def _flight_case(origin: str, destination: str) -> ToolCase:
    flight = {"origin": "string", "destination": "string"}
    return ToolCase(
        to_tool("book_flight", "Book a flight between two cities", flight),
        f"Book a flight from {origin} to {destination}.",
        {"origin": origin, "destination": destination},
    )


def _restaurant_case(cuisine: str, city: str) -> ToolCase:
    restaurant = {"city": "string", "cuisine": "string"}
    return ToolCase(
        to_tool("find_restaurant", "Find a restaurant in a city", restaurant),
        f"Find a {cuisine} restaurant in {city}.",
        {"city": city, "cuisine": cuisine},
    )


def _house_and_meeting_cases(values: dict[str, Any]) -> list[ToolCase]:
    word, code, person = values["word"], values["code"], values["person"]
    meeting = {"person": "string", "time": "string"}
    return [
        ToolCase(
            to_tool("turn_on_light", "Turn on the light in a room", {"room": "string"}),
            f"Please turn on the light in the {word}.",
            {"room": word},
        ),
        ToolCase(
            to_tool("cancel_reservation", "Cancel a reservation", {"reservation_id": "string"}),
            f"Cancel reservation {code}",
            {"reservation_id": code},
        ),
        ToolCase(
            to_tool("schedule_meeting", "Schedule a meeting with a person", meeting),
            f"Schedule a meeting with {person} at {values['clock']}.",
            {"person": person, "time": values["clock"]},
        ),
        ToolCase(
            to_tool("set_thermostat", "Set the thermostat", {"temperature": "number"}),
            f"Set the thermostat to {values['number']}.",
            {"temperature": values["number"]},
        ),
        ToolCase(
            to_tool("define_word", "Define a word", {"word": "string"}),
            f"Define the word {word}.",
            {"word": word},
        ),
    ]


def _lookup_cases(values: dict[str, Any]) -> list[ToolCase]:
    old_name, new_name = f"{values['word']}.txt", f"{values['second']}.txt"
    weather = {"location": "string", "unit": one_of(["celsius", "fahrenheit"])}
    return [
        ToolCase(
            to_tool("get_air_quality", "Get the air quality of a city", {"city": "string"}),
            f"How is the air quality in {values['city']}?",
            {"city": values["city"]},
        ),
        ToolCase(
            to_tool("get_user", "Get a user by id", {"user_id": "integer"}),
            f"Get the user with id {values['number']}.",
            {"user_id": values["number"]},
        ),
        ToolCase(
            to_tool("rename_file", "Rename a file", {"old_name": "string", "new_name": "string"}),
            f"Rename the file {old_name} to {new_name}",
            {"old_name": old_name, "new_name": new_name},
        ),
        _time_case(values["zone"]),
        ToolCase(
            to_tool("get_weather", "Get the current weather", weather, required=["location"]),
            f"What is the weather in {values['other_city']}?",
            {"location": values["other_city"]},
        ),
        ToolCase(
            to_tool("add_member", "Add a member to a team", {"name": "string", "admin": "boolean"}),
            f"Add {values['member']} to the team with admin true.",
            {"name": values["member"], "admin": True},
        ),
    ]


def _time_case(zone: str) -> ToolCase:
    tool = to_tool("get_current_time", "Get the current time in a timezone", {"timezone": "string"})
    return ToolCase(tool, f"What time is it in {zone}?", {"timezone": zone})
