"""DeepSeek, with its full-width marks.

V3 and R1: `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME`, then the arguments in a JSON fence.
V3.1: `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>NAME<｜tool▁sep｜>{"city": "Paris"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>`.
V3.2: tags with `｜DSML｜` in them.
Format: the chat templates of https://huggingface.co/deepseek-ai.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from modules.core.tools import Tool
from modules.text.call_formats.base import PartSink, ToolFormat
from modules.text.call_formats.named_calls import NamedCalls
from modules.text.call_formats.rules import Calls, Rules
from modules.text.call_formats.xml_calls import XmlCalls
from modules.text.source import Source, Wait

BEGIN, END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
CALL, CALL_END, SEPARATOR = "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"

FENCED = NamedCalls(
    CALL + "function" + SEPARATOR,
    middles=("\n```json\n",),
    closing=("\n```", CALL_END),
    section=BEGIN,
    section_end=END,
)
BARE = NamedCalls(CALL, middles=(SEPARATOR,), closing=(CALL_END,), section=BEGIN, section_end=END)


@dataclass(frozen=True, slots=True)
class DeepSeekCalls:
    """Reads both; `is_fenced` says which one is written."""

    is_fenced: bool

    @property
    def triggers(self) -> tuple[str, ...]:
        return (BEGIN, CALL)

    @property
    def marks(self) -> tuple[str, ...]:
        return (BEGIN, END, CALL, CALL_END, SEPARATOR)

    def read(self, source: Source, sink: PartSink, trigger: str) -> Wait:
        if trigger == BEGIN:
            yield from source.skip_space()
            yield from source.is_next(CALL)
        is_fenced = yield from source.is_next("function" + SEPARATOR)
        syntax = FENCED if is_fenced else BARE
        yield from syntax.read(source, sink, syntax.opening)

    def write(self, rules: Rules, tools: Sequence[Tool], *, is_many: bool) -> Calls:
        return (FENCED if self.is_fenced else BARE).write(rules, tools, is_many=is_many)


DEEPSEEK_V3 = ToolFormat(
    name="deepseek_v3",
    signs=(("tool▁calls▁begin", "```json"),),
    syntax=DeepSeekCalls(is_fenced=True),
    sample=f'{BEGIN}{CALL}function{SEPARATOR}get_weather\n```json\n{{"city": "Paris"}}\n```{CALL_END}{END}',
)
DEEPSEEK_V31 = ToolFormat(
    name="deepseek_v31",
    signs=(("tool▁calls▁begin",),),
    syntax=DeepSeekCalls(is_fenced=False),
    sample=f'{BEGIN}{CALL}get_weather{SEPARATOR}{{"city": "Paris"}}{CALL_END}{END}',
)
DEEPSEEK_DSML = ToolFormat(
    name="deepseek_dsml",
    signs=(("｜DSML｜",),),
    syntax=XmlCalls(
        opening="<｜DSML｜function_calls>",
        call='<｜DSML｜invoke name="',
        call_ends=('">\n', '">'),
        key='<｜DSML｜parameter name="',
        key_ends=('" string="true">', '" string="false">', '">'),
        value_ends=("</｜DSML｜parameter>",),
        call_close="</｜DSML｜invoke>",
        closing="</｜DSML｜function_calls>",
        has_many=True,
    ),
    sample='<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>\n'
    "</｜DSML｜invoke>\n</｜DSML｜function_calls>",
)
FORMATS = (DEEPSEEK_DSML, DEEPSEEK_V3, DEEPSEEK_V31)
