"""Cohere's Command R.

R and R+: `Action: ```json [{"tool_name": "get_weather", "parameters": {"city": "Paris"}}] ````.
R7B and A: `<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Paris"}}]<|END_ACTION|>`.
Format: https://docs.cohere.com/docs/prompting-command-r
"""

from modules.core.tools import ReasoningMarks
from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.json_calls import JsonCalls

COMMAND_R = ToolFormat(
    name="command_r",
    signs=(("Action:", "tool_name"),),
    syntax=JsonCalls(
        "Action: ```json\n", "\n```", layout="list", name="tool_name", arguments="parameters"
    ),
    sample='Action: ```json\n[{"tool_name": "get_weather", "parameters": {"city": "Paris"}}]\n```',
)
COMMAND_R7B = ToolFormat(
    name="command_r7b",
    signs=(("<|START_ACTION|>",),),
    syntax=JsonCalls(
        "<|START_ACTION|>",
        "<|END_ACTION|>",
        layout="list",
        name="tool_name",
        arguments="parameters",
    ),
    sample='<|START_ACTION|>[{"tool_name": "get_weather", "parameters": {"city": "Paris"}}]<|END_ACTION|>',
    reasoning=ReasoningMarks("<|START_THINKING|>", "<|END_THINKING|>"),
    silent=("<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"),
)
FORMATS = (COMMAND_R7B, COMMAND_R)
