"""Google's Gemma.

Gemma 3: Python in a fence that is named for it, "```tool_code", as its guide asks for.
FunctionGemma: `<start_function_call>call:get_weather{city:<escape>Paris<escape>}<end_function_call>`.
Gemma 4: `<|tool_call>call:get_weather{city:<|"|>Paris<|"|>}<tool_call|>`, with its thinking on a channel.
Formats: https://ai.google.dev/gemma/docs/capabilities/function-calling
"""

from modules.core.tools import ReasoningMarks
from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.brace_calls import BraceCalls
from modules.text.call_formats.python_calls import PythonCalls

GEMMA4 = ToolFormat(
    name="gemma4",
    signs=(("<|tool_call>", "<tool_call|>"),),
    syntax=BraceCalls("<|tool_call>", "<tool_call|>", '<|"|>'),
    sample='<|tool_call>call:get_weather{city:<|"|>Paris<|"|>}<tool_call|>',
    reasoning=ReasoningMarks("<|channel>thought", "<channel|>"),
)
FUNCTION_GEMMA = ToolFormat(
    name="function_gemma",
    signs=(("<start_function_call>",),),
    syntax=BraceCalls("<start_function_call>", "<end_function_call>", "<escape>"),
    sample="<start_function_call>call:get_weather{city:<escape>Paris<escape>}<end_function_call>",
)
GEMMA = ToolFormat(
    name="gemma",
    signs=(("tool_code",),),
    syntax=PythonCalls("```tool_code\n", "\n```", is_list=False),
    sample='```tool_code\nget_weather(city="Paris")\n```',
)
FORMATS = (GEMMA4, FUNCTION_GEMMA, GEMMA)
