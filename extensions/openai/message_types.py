"""The wire: messages, tools and reasoning options of chat requests."""

from typing import Annotated, Any, Literal

from pydantic import Field

from extensions.openai.fields import FIRST_FAULT, Request, Text


class ImageUrl(Request):
    url: Text = Field(description="data: URL, or http(s)")
    detail: Text | None = Field(None, description="Accepted; the model's own resolution is used")


class ContentPart(Request):
    type: Text
    text: Text | None = None
    refusal: Text | None = None
    image_url: ImageUrl | Text | None = None


class FunctionCall(Request):
    name: Text
    arguments: Text


class MessageToolCall(Request):
    id: Text
    type: Literal["function"] = "function"
    function: FunctionCall


class ChatMessage(Request):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | Annotated[list[ContentPart], FIRST_FAULT, Field(max_length=10_000)] | None = (
        None
    )
    name: Text | None = None
    tool_calls: list[MessageToolCall] | None = None
    tool_call_id: Text | None = None
    function_call: FunctionCall | None = Field(None, description="Old form of tool_calls")
    reasoning_content: Text | None = None
    reasoning: Text | None = Field(None, description="As some clients name reasoning_content")
    refusal: Text | None = None


class FunctionDefinition(Request):
    name: Annotated[Text, Field(pattern=r"^[a-zA-Z0-9_.-]{1,128}$")]
    description: Text | None = None
    parameters: dict[str, Any] | None = Field(None, description="JSON schema of the arguments")
    strict: bool | None = Field(
        None, description="A schema that cannot be enforced is an error, not replaced by any object"
    )


class ToolDefinition(Request):
    type: Literal["function"]
    function: FunctionDefinition


class NamedFunction(Request):
    name: Text


class NamedTool(Request):
    type: Literal["function"]
    function: NamedFunction


class AllowedToolList(Request):
    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], FIRST_FAULT] = Field(min_length=1)


class AllowedTools(Request):
    type: Literal["allowed_tools"]
    allowed_tools: AllowedToolList


class ReasoningOptions(Request):
    effort: Text | None = Field(None, description="none, minimal, low, medium, high, …")
    max_tokens: int | None = Field(
        None, ge=0, description="Tokens of thinking after which it is ended; 0 is no thinking"
    )
    enabled: bool | None = None
    exclude: bool | None = Field(None, description="Think, but do not send the thinking")
