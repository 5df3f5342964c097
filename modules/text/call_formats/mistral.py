"""Mistral. Formats: https://docs.mistral.ai, and the templates in the models' repositories.

Up to tokenizer v7: `[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris"}, "id": "9Ae3bDc2F"}]`.
From v11 on: `[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}`, for a time with `[CALL_ID]9Ae3bDc2F` before `[ARGS]`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from modules.core.tools import ReasoningMarks, Tool
from modules.text.call_formats.base import PartSink, ToolFormat
from modules.text.call_formats.json_calls import JsonCalls
from modules.text.call_formats.named_calls import NamedCalls
from modules.text.call_formats.rules import Calls, Rules
from modules.text.source import Source, Wait

LIST = JsonCalls("[TOOL_CALLS]", layout="list")
NAMED = NamedCalls("[TOOL_CALLS]", middles=("[ARGS]", "[CALL_ID]"))


@dataclass(frozen=True, slots=True)
class MistralCalls:
    """Reads both; `has_names` says which one is written."""

    has_names: bool

    @property
    def triggers(self) -> tuple[str, ...]:
        return LIST.triggers

    @property
    def marks(self) -> tuple[str, ...]:
        return (*LIST.marks, *NAMED.marks)

    def read(self, source: Source, sink: PartSink, trigger: str) -> Wait:
        yield from source.skip_space()
        is_list = (yield from source.peek()) in "[{"
        yield from (LIST if is_list else NAMED).read(source, sink, trigger)

    def write(self, rules: Rules, tools: Sequence[Tool], *, is_many: bool) -> Calls:
        return (NAMED if self.has_names else LIST).write(rules, tools, is_many=is_many)


THINKING = ReasoningMarks("[THINK]", "[/THINK]")

MISTRAL = ToolFormat(
    name="mistral",
    signs=(("[TOOL_CALLS]", "[ARGS]"),),
    syntax=MistralCalls(has_names=True),
    sample='[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}',
)
MISTRAL_LIST = ToolFormat(
    name="mistral_list",
    signs=(("[TOOL_CALLS]",),),
    syntax=MistralCalls(has_names=False),
    sample='[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris"}}]',
)
FORMATS = (MISTRAL, MISTRAL_LIST)
