"""What an MCP server answered to a call -> text for the model."""

import json
from collections.abc import Mapping
from typing import Any

from modules.toolbox.offered import ToolResult, cut_result


def to_result(answer: Any) -> ToolResult:
    """`answer`: an `mcp.types.CallToolResult`. Pictures and sounds are named, since a tool's message is text."""
    parts = [_part(block) for block in answer.content]
    if not parts and answer.structured_content is not None:
        parts = [json.dumps(answer.structured_content, ensure_ascii=False)]
    text = "\n".join(parts) or "The tool gave no result."
    return ToolResult(cut_result(text), bool(answer.is_error))


def _part(block: Any) -> str:
    match block.type:
        case "text":
            return block.text
        case "image":
            return f"[picture, {block.mime_type}, {_size(block.data)}: it cannot be shown here]"
        case "audio":
            return f"[sound, {block.mime_type}, {_size(block.data)}: it cannot be played here]"
        case "resource_link":
            return f"[link: {block.name}, {block.uri}]"
        case _:
            return _resource(block.resource)


def _resource(resource: Any) -> str:
    if hasattr(resource, "text"):
        return resource.text
    return f"[file {resource.uri}, {resource.mime_type or 'of an unknown type'}, {_size(resource.blob)}]"


def _size(base64_text: str) -> str:
    return f"{max(1, len(base64_text) * 3 // 4 // 1024)} KiB"


def to_text_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of arguments as models are used to them: an object, with properties."""
    return {"type": "object", "properties": {}, **schema}
