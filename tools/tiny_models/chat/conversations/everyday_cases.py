"""Requests for everyday tools."""

from typing import Any

from tools.tiny_models.chat.conversations import everyday_tools as everyday
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.everyday_tools import Alternatives, EverydayTool, Slots
from tools.tiny_models.chat.conversations.tool_case import Spec, ToolCase, one_of, to_tool

WEATHER_REQUESTS = (
    "What is the weather in {place}",
    "How is the weather in {place}",
    "Weather in {place}",
    "What's the weather like in {place}",
    "Tell me the weather in {place}",
)
WEATHER_UNITS = (("celsius", "fahrenheit"), ("metric", "imperial"), ("c", "f"))

# None is the weather, whose unit may be left out; a tool that stands twice is twice as likely.
TOOLS: tuple[EverydayTool | None, ...] = (
    *(everyday.GET_TIME, everyday.GET_TIME, None, None),
    *(everyday.SEARCH, everyday.SEND_EMAIL, everyday.SEND_MESSAGE, everyday.SET_TIMER),
    *(everyday.SET_ALARM, everyday.ROLL_DICE, everyday.GET_POPULATION, everyday.PLAY_MUSIC),
    *(everyday.GET_STOCK, everyday.READ_FILE, everyday.CREATE_NOTE, everyday.GET_DISTANCE),
    *(everyday.SET_VOLUME, everyday.GET_NEWS, everyday.ORDER_FOOD, everyday.BOOK_HOTEL),
    *(everyday.COPY_FILE, everyday.ADD, everyday.CALCULATE, everyday.ADD_REMINDER),
    *(everyday.GENERATE_IMAGE, everyday.CALL_CONTACT, everyday.GET_EVENTS, everyday.RANDOM_NUMBER),
)


def everyday_case(draw: Draw) -> ToolCase:
    slots = _draw_slots(draw)
    tool = TOOLS[draw.integer(0, len(TOOLS) - 1)]
    return _weather_case(draw, slots) if tool is None else _case_of(draw, tool, slots)


def _draw_slots(draw: Draw) -> Slots:
    return {
        "zone": draw.time_zone(),
        "place": draw.place(),
        "other_place": draw.place(),
        "person": draw.person(),
        "small": draw.integer(1, 99),
        "big": draw.integer(1, 999),
        "word": draw.word(),
        "other_word": draw.word(),
        "text": draw.words_or_phrase(1, 4, plain=0.7),
        "clock": draw.clock(),
        "date": draw.date(),
        "code": draw.code(),  # no tool asks for it; without this draw the later ones would change
    }


def _case_of(draw: Draw, tool: EverydayTool, slots: Slots) -> ToolCase:
    slots = slots | tool.more_slots(draw, slots)
    name, description = _one_of(draw, tool.names), _one_of(draw, tool.descriptions)
    parameters: dict[str, Spec] = {}
    for alternatives, kind in tool.parameters.items():
        parameters |= dict.fromkeys(_one_of(draw, alternatives).split(), kind)
    request = draw.fill(tool.requests, **slots)
    arguments = [slots[slot] for slot in tool.arguments]
    return ToolCase(
        to_tool(name, description, parameters),
        request,
        dict(zip(parameters, arguments, strict=True)),
    )


def _one_of(draw: Draw, alternatives: Alternatives) -> str:
    """A single text needs no draw."""
    return alternatives if isinstance(alternatives, str) else draw.pick(alternatives)


def _weather_case(draw: Draw, slots: Slots) -> ToolCase:
    place_name = draw.pick(("city", "location", "place"))
    parameters: dict[str, Spec] = {place_name: "string"}
    arguments: dict[str, Any] = {place_name: slots["place"]}
    request = draw.fill(WEATHER_REQUESTS, **slots)
    if draw.chance(0.4):
        units = draw.pick(WEATHER_UNITS)
        parameters["unit"] = one_of(units)
        if draw.chance(0.5):
            arguments["unit"] = draw.pick(units)
            request += f" in {arguments['unit']}"
    name = draw.pick(("get_weather", "get_current_weather", "weather"))
    description = draw.pick(
        ("Get the weather in a city", "Get the current weather", "Get the weather of a location")
    )
    end = "." if request.startswith("Tell") else "?"
    tool = to_tool(name, description, parameters, required=[place_name])
    return ToolCase(tool, request + end, arguments)
