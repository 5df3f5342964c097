"""ByteDance's Seed-OSS: tags as Qwen3-Coder's, with the values directly between them, and marks of its own.

    <seed:tool_call>
    <function=get_weather>
    <parameter=city>Paris</parameter>
    </function>
    </seed:tool_call>

Format: the chat template of https://huggingface.co/ByteDance-Seed/Seed-OSS-36B-Instruct.
"""

from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.xml_calls import XmlCalls

SEED_OSS = ToolFormat(
    name="seed_oss",
    signs=(("<seed:tool_call>",),),
    syntax=XmlCalls(
        opening="<seed:tool_call>",
        call="<function=",
        call_ends=(">\n", ">"),
        key="<parameter=",
        key_ends=(">",),
        value_ends=("</parameter>",),
        call_close="</function>",
        closing="</seed:tool_call>",
    ),
    sample="<seed:tool_call>\n<function=get_weather>\n<parameter=city>Paris</parameter>\n</function>\n</seed:tool_call>",
)
FORMATS = (SEED_OSS,)
