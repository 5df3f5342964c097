"""Phi-4 mini, `<|tool_call|>[{"name": …, "arguments": …}]<|/tool_call|>`, and Granite 3, which has no mark at the end.

Formats: the chat templates of https://huggingface.co/microsoft/Phi-4-mini-instruct and https://huggingface.co/ibm-granite/granite-3.3-8b-instruct.
"""

from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.json_calls import JsonCalls

CALL = '[{"name": "get_weather", "arguments": {"city": "Paris"}}]'
PHI4_MINI = ToolFormat(
    name="phi4_mini",
    signs=(("<|tool_call|>", "<|/tool_call|>"), ("<|tool|>", "<|/tool|>")),
    syntax=JsonCalls("<|tool_call|>", "<|/tool_call|>", layout="list"),
    sample=f"<|tool_call|>{CALL}<|/tool_call|>",
)
GRANITE = ToolFormat(
    name="granite",
    signs=(("<|tool_call|>",),),
    syntax=JsonCalls("<|tool_call|>", layout="list"),
    sample=f"<|tool_call|>{CALL}",
)
FORMATS = (PHI4_MINI, GRANITE)
