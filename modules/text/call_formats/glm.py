"""GLM 4.5 and later: the name, then a pair of tags for each argument.

    <tool_call>get_weather
    <arg_key>city</arg_key>
    <arg_value>Paris</arg_value>
    </tool_call>

Format: the chat template of https://huggingface.co/zai-org/GLM-4.5.
"""

from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.xml_calls import XmlCalls

GLM = ToolFormat(
    name="glm",
    signs=(("<arg_key>", "<arg_value>"),),
    syntax=XmlCalls(
        opening="<tool_call>",
        call="",
        call_ends=("\n",),
        key="<arg_key>",
        key_ends=("</arg_key>\n<arg_value>", "</arg_key><arg_value>"),
        value_ends=("</arg_value>",),
        call_close="",
        closing="</tool_call>",
    ),
    sample="<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n</tool_call>",
)
FORMATS = (GLM,)
