"""Llama 3.1 to 3.3: a bare JSON object, `{"name": "get_weather", "parameters": {"city": "Paris"}}`, several with `;` between.

Llama 3.2 and 4 also in Python's style: `[get_weather(city="Paris")]`, Llama 4 between `<|python_start|>` and `<|python_end|>`.
Format: https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/
"""

from collections.abc import Sequence
from dataclasses import dataclass

from modules.core.tools import Tool
from modules.text.call_formats.base import PartSink, ToolFormat
from modules.text.call_formats.json_calls import JsonCalls
from modules.text.call_formats.python_calls import PythonCalls
from modules.text.call_formats.rules import Calls, Rules
from modules.text.source import Source, Wait

JSON = JsonCalls("", layout="objects", arguments="parameters", between="; ")
PYTHON = PythonCalls()
TAGS = ("<|python_tag|>", "<|python_start|>")
END = "<|python_end|>"


@dataclass(frozen=True, slots=True)
class LlamaCalls:
    """Reads both; `is_python` says which one is written. A tag before them is read and not written."""

    is_python: bool

    @property
    def triggers(self) -> tuple[str, ...]:
        return ()

    @property
    def marks(self) -> tuple[str, ...]:
        return (*TAGS, END)

    def read(self, source: Source, sink: PartSink, trigger: str) -> Wait:
        yield from source.next_of(TAGS)
        yield from source.skip_space()
        syntax = JSON if (yield from source.peek()) == "{" else PYTHON
        yield from syntax.read(source, sink, trigger)
        yield from source.is_next(END)

    def write(self, rules: Rules, tools: Sequence[Tool], *, is_many: bool) -> Calls:
        return (PYTHON if self.is_python else JSON).write(rules, tools, is_many=is_many)


LLAMA3_JSON = ToolFormat(
    name="llama3_json",
    signs=(("<|start_header_id|>", "parameters"), ("<|python_tag|>",)),
    syntax=LlamaCalls(is_python=False),
    sample='{"name": "get_weather", "parameters": {"city": "Paris"}}',
)
LLAMA_PYTHONIC = ToolFormat(
    name="llama_pythonic",
    signs=(("<|header_start|>", "<|python_start|>"), ("[func_name1(",)),
    syntax=LlamaCalls(is_python=True),
    sample='[get_weather(city="Paris")]',
)
FORMATS = (LLAMA_PYTHONIC, LLAMA3_JSON)
