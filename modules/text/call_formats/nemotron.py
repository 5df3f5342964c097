"""NVIDIA's Nemotron (Super 49B v1.5, Nano v2): `<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</TOOLCALL>`.

Format: the chat template of https://huggingface.co/nvidia/NVIDIA-Nemotron-Nano-9B-v2.
"""

from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.json_calls import JsonCalls

NEMOTRON = ToolFormat(
    name="nemotron",
    signs=(("<TOOLCALL>",),),
    syntax=JsonCalls("<TOOLCALL>", "</TOOLCALL>", layout="list"),
    sample='<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</TOOLCALL>',
)
FORMATS = (NEMOTRON,)
