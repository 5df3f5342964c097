"""What of a page's settings gets into a request, and what scripts may send."""

import pytest

from modules.core.asked import Persona
from modules.core.errors import RequestError
from modules.core.messages import Message, ToolCall
from modules.core.tools import Tool
from modules.settings import Settings
from modules.ui.chat.asking import Manner, to_request, to_thinking, with_swapped_roles
from modules.ui.chat.events import MAX_FILES, Sent
from modules.ui.chat.people import said_in_prompt
from modules.ui.profile import Parameters, Profile

TOOLS = (Tool("clock", "d", {}),)
HELLO = (Message("user", "Hello"),)


def manner(**parameters: object) -> Manner:
    profile = Profile(thinks=True, reasoning_effort="high", chat_instruct_command="Go <|prompt|>")
    values = Parameters(**parameters)  # type: ignore[arg-type]
    return Manner.of("chat", Persona("Ann", "Bob"), "Example", values, profile, TOOLS)


def test_everything_that_the_page_wants() -> None:
    request = to_request(
        HELLO,
        manner(sampling={"temperature": 0.5}, max_tokens=7, stop=("x",), can_truncate=False),
        Settings(),
        continues_last=True,
    )
    assert request.face == "ui"
    assert (request.mode, request.persona.bot_name, request.character) == ("chat", "Bob", "Example")
    assert request.sampling.temperature == 0.5
    assert request.given == {"temperature"}
    assert (request.max_tokens, request.stop, request.can_truncate) == (7, ("x",), False)
    assert request.tools.tools == TOOLS
    assert request.tools.choice == "auto"
    assert request.command == "Go <|prompt|>"
    assert request.continues_last


def test_wrong_values_are_told() -> None:
    with pytest.raises(RequestError):
        to_request(HELLO, manner(sampling={"temperature": -1}), Settings())


def test_a_grammar() -> None:
    request = to_request(HELLO, manner(grammar='root ::= "a"'), Settings())
    assert request.constraint is not None
    assert request.constraint.grammar.kind == "gbnf"


def test_thinking() -> None:
    assert to_thinking(None, "").variables == {}
    off = to_thinking(False, "high")
    assert off.is_off
    assert off.variables == {"enable_thinking": False, "thinking": False}
    assert to_thinking(True, "low").variables["reasoning_effort"] == "low"


def test_the_other_side_of_the_table() -> None:
    messages = [
        Message("system", "s"),
        Message("user", "Hello"),
        Message("assistant", None, tool_calls=(ToolCall("1", "clock", "{}"),)),
        Message("tool", "noon", tool_call_id="1"),
        Message("assistant", "Noon."),
    ]
    swapped = with_swapped_roles(messages)
    assert [(each.role, each.content) for each in swapped] == [
        ("assistant", "Hello"),
        ("user", "Noon."),
    ]
    other = manner().swapped()
    assert (other.persona.user_name, other.persona.bot_name) == ("Bob", "Ann")
    assert other.tools == ()


def test_the_greeting_is_not_said_twice() -> None:
    assert said_in_prompt(Persona(greeting="Hi")).greeting == ""


def test_fields_of_a_script_by_type() -> None:
    sent = Sent.of({"do": "edit", "at": 3, "text": "x", "on": True})
    assert (sent.what, sent.number("at"), sent.text("text"), sent.flag("on")) == (
        "edit",
        3,
        "x",
        True,
    )
    assert sent.text("nothing") == ""


@pytest.mark.parametrize("data", [None, 7, "x", []])
def test_no_fields_at_all(data: object) -> None:
    assert Sent.of(data).what == ""


def test_wrong_types_are_refused() -> None:
    sent = Sent.of({"at": "3", "text": ["x"], "on": 1, "flag": True})
    for read in (
        lambda: sent.number("at"),
        lambda: sent.text("text"),
        lambda: sent.flag("on"),
        lambda: sent.number("flag"),
    ):
        with pytest.raises(RequestError):
            read()


def test_files() -> None:
    [file] = Sent.of({"files": [{"path": "/a", "name": "b"}]}).files
    assert (file.path, file.name) == ("/a", "b")
    assert Sent.of({"files": "x"}).files == ()
    with pytest.raises(RequestError):
        _ = Sent.of({"files": [{}] * (MAX_FILES + 1)}).files


def test_half_a_character_does_no_harm() -> None:
    assert Sent.of({"text": "a\ud800"}).text("text") == "a?"
