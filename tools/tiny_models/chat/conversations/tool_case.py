"""A tool, a request that needs it, and the arguments of the right call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tools.tiny_models.chat.conversations.conversation import Tool
from tools.tiny_models.chat.conversations.draw import Draw

# A JSON schema of one parameter; a bare word stands for {"type": word}.
Spec = str | dict[str, Any]


@dataclass(frozen=True)
class ToolCase:
    tool: Tool
    request: str
    arguments: dict[str, Any]

    @property
    def name(self) -> str:
        return self.tool["function"]["name"]

    @property
    def call(self) -> tuple[str, dict[str, Any]]:
        return self.name, self.arguments


def to_tool(
    name: str,
    description: str,
    parameters: Mapping[str, Spec],
    required: Iterable[str] | None = None,
) -> Tool:
    """A tool in the form of the OpenAI API; without `required` every parameter is required."""
    properties = {key: to_schema(spec) for key, spec in parameters.items()}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(parameters if required is None else required),
    }
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}


def to_schema(spec: Spec) -> dict[str, Any]:
    return {"type": spec} if isinstance(spec, str) else dict(spec)


def one_of(values: Iterable[str]) -> dict[str, Any]:
    """The schema of a text that has to be one of these."""
    return {"type": "string", "enum": list(values)}


def tool_name(draw: Draw, *words: str) -> str:
    """The words as a name: snake_case, camelCase or kebab-case."""
    share = draw.rng.random()
    words = tuple(word.lower() for word in words)
    if share < 0.75:
        return "_".join(words)
    if share < 0.9:
        return words[0] + "".join(word.capitalize() for word in words[1:])
    return "-".join(words)
