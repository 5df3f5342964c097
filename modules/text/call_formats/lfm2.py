"""Liquid's LFM2: a list of Python calls between marks.

    <|tool_call_start|>[get_weather(city="Paris")]<|tool_call_end|>

Format: https://docs.liquid.ai/lfm/key-concepts/tool-use
"""

from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.python_calls import PythonCalls

LFM2 = ToolFormat(
    name="lfm2",
    signs=(("<|tool_call_start|>",), ("<|tool_list_start|>",)),
    syntax=PythonCalls("<|tool_call_start|>", "<|tool_call_end|>"),
    sample='<|tool_call_start|>[get_weather(city="Paris")]<|tool_call_end|>',
)
FORMATS = (LFM2,)
