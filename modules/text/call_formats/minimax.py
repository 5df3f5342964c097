"""MiniMax.

M1: `<tool_calls>`, a JSON object on each line, `</tool_calls>`.
M2: `<minimax:tool_call><invoke name="get_weather"><parameter name="city">Paris</parameter></invoke></minimax:tool_call>`.
Format: https://huggingface.co/MiniMaxAI/MiniMax-M2/blob/main/docs/tool_calling_guide.md
"""

from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.json_calls import JsonCalls
from modules.text.call_formats.xml_calls import XmlCalls

MINIMAX_M1 = ToolFormat(
    name="minimax_m1",
    signs=(("<tool_calls>", "</tool_calls>"),),
    syntax=JsonCalls("<tool_calls>", "</tool_calls>", layout="objects"),
    sample='<tool_calls>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_calls>',
)
MINIMAX_M2 = ToolFormat(
    name="minimax_m2",
    signs=(("<minimax:tool_call>",), ("minimax:tool_call", "<invoke name=")),
    syntax=XmlCalls(
        opening="<minimax:tool_call>",
        call='<invoke name="',
        call_ends=('">\n', '">'),
        key='<parameter name="',
        key_ends=('">',),
        value_ends=("</parameter>",),
        call_close="</invoke>",
        closing="</minimax:tool_call>",
        has_many=True,
    ),
    sample='<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n</invoke>\n'
    "</minimax:tool_call>",
)
FORMATS = (MINIMAX_M2, MINIMAX_M1)
