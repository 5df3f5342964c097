"""gpt-oss: messages on channels. Format: https://cookbook.openai.com/articles/openai-harmony"""

from modules.core.tools import ReasoningMarks
from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.harmony_messages import HarmonyMessages

HARMONY = ToolFormat(
    name="harmony",
    signs=(("<|channel|>", "<|message|>"),),
    syntax=HarmonyMessages(),
    sample='<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>',
    reasoning=ReasoningMarks("<|channel|>analysis<|message|>", "<|end|>"),
)
FORMATS = (HARMONY,)
