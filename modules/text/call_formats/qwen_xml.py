"""Qwen3-Coder: a tag for each argument, its value on lines of its own.

    <tool_call>
    <function=get_weather>
    <parameter=city>
    Paris
    </parameter>
    </function>
    </tool_call>

Format: the chat template of https://huggingface.co/Qwen/Qwen3-Coder-30B-A3B-Instruct.
"""

from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.xml_calls import XmlCalls

QWEN_XML = ToolFormat(
    name="qwen_xml",
    signs=(("<tool_call>", "<function=", "<parameter="),),
    syntax=XmlCalls(
        opening="<tool_call>",
        call="<function=",
        call_ends=(">\n", ">"),
        key="<parameter=",
        key_ends=(">\n", ">"),
        value_ends=("\n</parameter>", "</parameter>"),
        call_close="</function>",
        closing="</tool_call>",
    ),
    sample="<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>",
)
FORMATS = (QWEN_XML,)
