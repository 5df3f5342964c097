"""Tools for templates that know none: described in the system message, calls and results as text."""

import json
from collections.abc import Sequence
from dataclasses import replace

from modules.core.messages import Message
from modules.core.tools import Tool

_INTRODUCTION = """\
You can call functions to help with the user's request. These are the functions, one JSON object on each line:
"""
_HOW = """
To call a function, write its name and arguments as JSON between these tags, and nothing after the last one:
<tool_call>
{"name": "NAME", "arguments": {"ARGUMENT": "VALUE"}}
</tool_call>
The result comes in the next message. Call a function only when it is needed."""


def with_tool_texts(messages: Sequence[Message], tools: Sequence[Tool]) -> list[Message]:
    """The same conversation in plain messages, with the tools in the system message."""
    plain = [_plain(message) for message in messages]
    if not tools:
        return plain
    described = describe_tools(tools)
    if plain and plain[0].role in ("system", "developer"):
        return [replace(plain[0], content=f"{plain[0].text}\n\n{described}"), *plain[1:]]
    return [Message("system", described), *plain]


def describe_tools(tools: Sequence[Tool]) -> str:
    lines = [json.dumps(dict(tool.to_template())["function"], ensure_ascii=False) for tool in tools]
    return _INTRODUCTION + "\n".join(lines) + _HOW


def _plain(message: Message) -> Message:
    if message.role == "tool":
        return Message("user", f"<tool_response>\n{message.text}\n</tool_response>")
    if not message.tool_calls:
        return message
    calls = [
        f'<tool_call>\n{{"name": {json.dumps(call.name)}, "arguments": {call.arguments or "{}"}}}\n</tool_call>'
        for call in message.tool_calls
    ]
    text = "\n".join([message.text, *calls] if message.text else calls)
    return replace(message, content=text, tool_calls=())
