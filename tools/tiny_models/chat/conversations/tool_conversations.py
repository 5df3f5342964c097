"""Conversations with tools: one call, two calls, an answer from a result, or no need of a tool."""

from copy import deepcopy

from tools.tiny_models.chat.conversations.conversation import (
    Conversation,
    Tool,
    Turn,
    assistant_message,
    call_message,
    tool_message,
    user_message,
)
from tools.tiny_models.chat.conversations.copying_turns import echo_turn
from tools.tiny_models.chat.conversations.draw import Draw
from tools.tiny_models.chat.conversations.knowledge_turns import (
    fact_turn,
    saying_turn,
    unknown_turn,
)
from tools.tiny_models.chat.conversations.second_calls import Request, two_call_request
from tools.tiny_models.chat.conversations.tool_case_mix import any_tool_case
from tools.tiny_models.chat.conversations.tool_results import result_and_answer

SMALL_TALK = (saying_turn, fact_turn, echo_turn)
# A tool might well know these: they do not show that no tool is needed.
TOOL_QUESTIONS = ("What is the weather", "What is the population", "What time")


def tool_conversation(draw: Draw) -> Conversation:
    case = any_tool_case(draw)
    is_double = draw.chance(0.14)
    request = two_call_request(draw, case) if is_double else Request.of_case(case)
    tools = _with_other_tools(draw, request.tools, case.name)
    share = draw.rng.random()
    if share < 0.12:
        turn = _turn_without_tool(draw)
        return Conversation(turn.messages, [turn.thought], tools)
    call = Conversation(
        [user_message(request.text), call_message(request.calls)],
        [f"I need the tool {case.name}."],
        tools,
    )
    if share < 0.5:
        return _with_results(draw, call, len(request.calls))
    return call.preceded_by(draw.pick(SMALL_TALK)(draw)) if share < 0.56 else call


def _with_other_tools(draw: Draw, needed: list[Tool], name: str) -> list[Tool]:
    """The needed tools among up to three others; `name` is that of the first needed one."""
    tools = list(needed)
    names = {tool["function"]["name"] for tool in tools}
    for _ in range(draw.how_many(0, 1, 1, 2, 2, 3)):
        other = any_tool_case(draw).tool
        if draw.chance(0.25):
            other = _renamed(other, name.split("_")[0] + "_" + draw.word().lower())
        if other["function"]["name"] not in names:
            tools.append(other)
            names.add(other["function"]["name"])
    draw.rng.shuffle(tools)
    return tools


def _renamed(tool: Tool, name: str) -> Tool:
    """A neighbour whose name begins with the same word: the model has to read names to the end."""
    neighbour = deepcopy(tool)
    neighbour["function"]["name"] = name
    return neighbour


def _turn_without_tool(draw: Draw) -> Turn:
    turn = draw.pick((*SMALL_TALK, unknown_turn))(draw)
    return saying_turn(draw) if turn.question.startswith(TOOL_QUESTIONS) else turn


def _with_results(draw: Draw, call: Conversation, count: int) -> Conversation:
    """The tools' results and the answer made from them; sometimes the talk goes on."""
    results = [result_and_answer(draw) for _ in range(count)]
    answered = Conversation(
        [
            *call.messages,
            *(tool_message(text) for text, _ in results),
            assistant_message(" ".join(answer for _, answer in results)),
        ],
        [*call.thoughts, "I have the result of the tool."],
        call.tools,
    )
    return answered.then(draw.pick(SMALL_TALK)(draw)) if draw.chance(0.12) else answered
