"""Kimi K2: `<|tool_calls_section_begin|><|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>{…}<|tool_call_end|>…`.

Format: https://huggingface.co/moonshotai/Kimi-K2-Instruct/blob/main/docs/tool_call_guidance.md
"""

from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.named_calls import NamedCalls

KIMI = ToolFormat(
    name="kimi",
    signs=(
        ("<|tool_calls_section_begin|>",),
        ("<|tool_call_argument_begin|>",),
        ("<|im_system|>tool_declare",),
    ),
    syntax=NamedCalls(
        "<|tool_call_begin|>",
        middles=("<|tool_call_argument_begin|>",),
        closing=("<|tool_call_end|>",),
        section="<|tool_calls_section_begin|>",
        section_end="<|tool_calls_section_end|>",
        before="functions.",
        after=":0",
    ),
    sample="<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>"
    '{"city": "Paris"}<|tool_call_end|><|tool_calls_section_end|>',
)
FORMATS = (KIMI,)
