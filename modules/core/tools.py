"""Tools that a model may call, and how its replies are laid out."""

import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ID_LETTERS = string.ascii_letters + string.digits


def new_call_id() -> str:
    """As OpenAI's look: `call_` and 24 letters."""
    return "call_" + "".join(secrets.choice(_ID_LETTERS) for _ in range(24))


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the caller can run. `parameters` is the JSON text of the schema of its arguments.

    `is_strict`: a schema that cannot be enforced is an error, rather than replaced by "any object".
    """

    name: str
    description: str = ""
    parameters: str = '{"type": "object", "properties": {}}'
    is_strict: bool = False

    @property
    def schema(self) -> Any:
        return json.loads(self.parameters)

    def to_template(self) -> Mapping[str, Any]:
        """The dict that chat templates are written for: OpenAI's."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": self.schema,
            },
        }


@dataclass(frozen=True, slots=True)
class ReasoningMarks:
    """The texts around the thinking; they may be control tokens of the vocabulary."""

    start: str = "<think>"
    end: str = "</think>"


@dataclass(frozen=True, slots=True)
class ReplyLayout:
    """How the text of a reply is to be read: what is thinking, what are calls, what is for the reader.

    `tool_format`: name of an entry of `modules.text.call_formats`, None when calls are not looked for. `tools`: those that may be called.
    `starts_in_reasoning`: the prompt has opened the thinking already; `may_reason`: else the model may begin with it where the reply
    is constrained. `marks`: control tokens whose text the reader needs to see.
    """

    tool_format: str | None = None
    tools: tuple[Tool, ...] = ()
    reasoning: ReasoningMarks | None = None
    starts_in_reasoning: bool = False
    may_reason: bool = False
    marks: frozenset[str] = frozenset()
