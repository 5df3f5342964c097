"""Gemma: Python in a fence that is named for it.

    ```tool_code
    get_weather(city="Paris")
    ```

Format: https://ai.google.dev/gemma/docs/capabilities/function-calling
"""

from modules.text.call_formats.base import ToolFormat
from modules.text.call_formats.python_calls import PythonCalls

GEMMA = ToolFormat(
    name="gemma",
    signs=(("tool_code",),),
    syntax=PythonCalls("```tool_code\n", "\n```", is_list=False),
    sample='```tool_code\nget_weather(city="Paris")\n```',
)
FORMATS = (GEMMA,)
