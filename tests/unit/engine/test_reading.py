"""The text of a reply to events: stop strings beside thinking and calls."""

import pytest

from modules.core.events import TextDelta, ToolCallDelta
from modules.core.tools import ReasoningMarks, ReplyLayout, Tool
from modules.engine.reading import PartReader

LAYOUT = ReplyLayout("hermes", (Tool("f"),), ReasoningMarks())
CALL = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'


def read(text: str, *stops: str, pieces: int = 1) -> tuple[str, int, str | None]:
    reader = PartReader(LAYOUT, stops)
    size = max(1, len(text) // pieces)
    events = []
    for at in range(0, len(text), size):
        if reader.stop_string is None:
            events += reader.feed(text[at : at + size], None)
    if reader.stop_string is None:
        events += reader.finish("")
    content = "".join(each.text for each in events if isinstance(each, TextDelta))
    calls = sum(isinstance(each, ToolCallDelta) and each.id is not None for each in events)
    return content, calls, reader.stop_string


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_nothing_is_said_after_a_stop(pieces: int) -> None:
    assert read(f"Hi STOP {CALL}", "STOP", pieces=pieces) == ("Hi ", 0, "STOP")


@pytest.mark.parametrize("pieces", [1, 7, 1000])
@pytest.mark.parametrize("stop", ["\n", "\n\n", "\nUser:"])
def test_white_space_stops_before_a_call(stop: str, pieces: int) -> None:
    assert read(f"Hello{stop}{CALL}", stop, pieces=pieces) == ("Hello", 0, stop)


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_a_stop_inside_a_call_or_thinking_is_none(pieces: int) -> None:
    text = f"<think>STOP</think>{CALL.replace('{}', '{}')}"
    assert read(text, "STOP", "name", pieces=pieces) == ("", 1, None)
