"""Which messages go first."""

from modules.core.messages import Message, ToolCall
from modules.prompts.truncation import droppable_groups, without_groups

SYSTEM = Message("system", "s")
USER = Message("user", "u")
REPLY = Message("assistant", "a")
CALL = Message("assistant", None, tool_calls=(ToolCall("1", "f", "{}"),))
RESULT = Message("tool", "r", tool_call_id="1")


def test_system_messages_and_the_last_question_stay() -> None:
    assert droppable_groups([SYSTEM, USER]) == []
    assert droppable_groups([USER, SYSTEM]) == []
    assert droppable_groups([]) == []


def test_a_turn_goes_as_a_whole() -> None:
    assert droppable_groups([SYSTEM, USER, REPLY, USER, REPLY, USER]) == [[1, 2], [3, 4]]


def test_a_system_message_in_between_stays() -> None:
    assert droppable_groups([USER, SYSTEM, REPLY, USER]) == [[0, 2]]


def test_calls_of_the_last_turn_go_with_their_results() -> None:
    messages = [USER, CALL, RESULT, RESULT, CALL, RESULT]
    assert droppable_groups(messages) == [[1, 2, 3]]


def test_a_prefilled_reply_stays() -> None:
    assert droppable_groups([USER, REPLY, USER, REPLY]) == [[0, 1]]


def test_what_is_left_keeps_its_order() -> None:
    messages = [SYSTEM, USER, REPLY, Message("user", "last")]
    assert without_groups(messages, droppable_groups(messages)) == [SYSTEM, messages[3]]
