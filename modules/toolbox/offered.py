"""What a toolbox offers, what a call gives back, and how its sources are: values only."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from modules.core.tools import Tool

Kind = Literal["python", "mcp"]
State = Literal["idle", "starting", "ready", "failed"]

RESULT_LIMIT = 30_000
"""Characters of a result that the model is shown."""


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool as its source describes it. `schema`: of its arguments."""

    name: str
    description: str
    schema: dict[str, Any] = field(hash=False)

    @property
    def parameters(self) -> str:
        return json.dumps(self.schema)


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool under the name by which the model calls it.

    `source`: name of the Python file or of the MCP server. `own_name`: what the tool is called there. `is_enabled`: whether the
    chat that asked wants it.
    """

    tool: Tool
    kind: Kind
    source: str
    own_name: str
    is_enabled: bool = True

    @property
    def name(self) -> str:
        return self.tool.name

    @property
    def source_key(self) -> str:
        return source_key(self.kind, self.source)


def source_key(kind: Kind, source: str) -> str:
    """How a chat remembers that it does not want anything of a source: `mcp:files`, `python:clock.py`."""
    return f"{kind}:{source}"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model is told after a call. `seconds`: how long the call took."""

    text: str
    is_error: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a Python file or an MCP server is. `detail`: why it failed; `notes`: what of it is left out, and why."""

    kind: Kind
    name: str
    state: State
    tool_count: int = 0
    detail: str = ""
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        match self.state:
            case "idle":
                return "not started"
            case "starting":
                return "starting"
            case "ready":
                return f"ready with {self.tool_count} {'tool' if self.tool_count == 1 else 'tools'}"
            case "failed":
                return f"failed: {self.detail}"


def cut_result(text: str, limit: int = RESULT_LIMIT, *, length: int | None = None) -> str:
    """Text that any tokenizer and JSON writer can take, at most `limit` characters and a notice; `length`: of the whole."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    length = max(length or 0, len(text))
    if length <= limit:
        return text
    return f"{text[:limit]}\n[Cut: the result has {length:,} characters, of which the first {limit:,} are shown.]"
