"""Hermes, and the Qwen models up to 3: a JSON object between tags; several calls are several blocks.

    <tool_call>
    {"name": "get_weather", "arguments": {"city": "Paris"}}
    </tool_call>

Format: https://github.com/NousResearch/Hermes-Function-Calling. It is also what models without a format of their own are asked for.
"""

from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.json_calls import JsonCalls

SAMPLE = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
HERMES = ToolFormat(
    name="hermes",
    signs=(("<tool_call>", "</tool_call>", "arguments"), ("<tool_call>", "</tool_call>")),
    syntax=JsonCalls("<tool_call>", "</tool_call>"),
    sample=SAMPLE,
)
GENERIC = ToolFormat(name="generic", signs=(), syntax=HERMES.syntax, sample=SAMPLE)
FORMATS = (HERMES, GENERIC)
