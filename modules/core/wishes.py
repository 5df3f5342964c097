"""What a request wants of the reply: tools that may be called, how much thinking, what the text has to obey."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from modules.core.requests import Grammar
from modules.core.tools import Tool

ToolChoice = Literal["none", "auto", "required"]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """`tools`: those that the model is shown; `names`: those of them that may be called, None for all.

    `is_old`: asked for with `functions`, so the call goes out as `function_call`.
    """

    tools: tuple[Tool, ...] = ()
    choice: ToolChoice = "none"
    names: tuple[str, ...] | None = None
    max_calls: int | None = None
    is_old: bool = False

    @property
    def callable_tools(self) -> tuple[Tool, ...]:
        if self.names is None:
            return self.tools
        return tuple(tool for tool in self.tools if tool.name in self.names)


NO_TOOLS = ToolUse()


@dataclass(frozen=True, slots=True)
class Thinking:
    """`variables` for the chat template; `max_tokens`: of thinking, None for no bound; `is_hidden`: not sent."""

    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    max_tokens: int | None = None
    is_hidden: bool = False

    @property
    def is_off(self) -> bool:
        return self.max_tokens == 0


@dataclass(frozen=True, slots=True)
class Constraint:
    """`grammar` by itself; `body` is the same as a Lark expression, for a rule of a bigger grammar.

    `response_format`: JSON text of OpenAI's field of that name where it was said so; another server gets it as it came.
    """

    grammar: Grammar
    body: str
    response_format: str | None = None
