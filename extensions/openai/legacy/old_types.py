"""The wire of the blocking API of 2023 (`/api/v1/*`). Nothing here computes."""

from typing import Annotated, Any, Literal

from pydantic import Field

from extensions.openai.fields import FIRST_FAULT, Request, SamplingFields, Text, example
from extensions.openai.response_types import Response
from extensions.openai.typing import MAX_TEXT_CHARS

Pair = Annotated[list[Text], Field(min_length=2, max_length=2)]


class OldGenerationFields(SamplingFields):
    max_new_tokens: int | None = Field(None, ge=0, description="Default: 200")
    max_length: int | None = Field(None, ge=0, description="Another name of max_new_tokens")
    auto_max_new_tokens: bool | None = Field(None, description="As many as fit")
    truncation_length: int | None = Field(
        None, ge=0, description="Cut the prompt on its left so that it and the reply fit into this"
    )
    max_context_length: int | None = Field(
        None, ge=0, description="Another name of truncation_length"
    )
    typical: float | None = Field(None, ge=0, le=1, description="Another name of typical_p")
    rep_pen: float | None = Field(
        None, ge=0.01, le=10, description="Another name of repetition_penalty"
    )
    stopping_strings: list[Text] | None = None
    custom_stopping_strings: Text | list[Text] | None = Field(
        None, description="More of them; as text: JSON strings with commas between"
    )
    preset: Text | None = None
    grammar_string: Text | None = None
    add_bos_token: bool | None = None
    skip_special_tokens: bool | None = None


class OldGenerateRequest(OldGenerationFields):
    model_config = example(prompt="Once upon a time", max_new_tokens=16)

    prompt: Text


class OldHistory(Request):
    """What was said, in pairs of the user's text and the reply; `visible` is the same as HTML."""

    internal: Annotated[list[Pair], FIRST_FAULT] = Field(default_factory=list[Pair])
    visible: Annotated[list[Pair], FIRST_FAULT] = Field(default_factory=list[Pair])


class OldChatRequest(OldGenerationFields):
    model_config = example(user_input="Hello!", history={"internal": [], "visible": []})

    user_input: Text = ""
    history: OldHistory | None = None
    mode: Literal["chat", "chat-instruct", "instruct"] | None = Field(
        None, description="Default: chat"
    )
    character: Text | None = None
    your_name: Text | None = None
    name1: Text | None = Field(None, description="Another name of your_name")
    name2: Text | None = None
    context: Text | None = None
    greeting: Text | None = None
    context_instruct: Text | None = Field(None, description="System message of mode instruct")
    instruction_template: Text | None = None
    chat_instruct_command: Text | None = Field(None, alias="chat-instruct_command")
    stop_at_newline: bool | None = None
    regenerate: bool | None = Field(None, description="Another reply instead of the last one")
    continue_: bool | None = Field(None, alias="_continue", description="More of the last reply")


class OldCountRequest(Request):
    model_config = example(prompt="Hello!")

    prompt: Text = Field(max_length=MAX_TEXT_CHARS)


class OldModelRequest(Request):
    model_config = example(action="info")

    action: Literal["info", "list", "load", "unload"] | None = None
    model_name: Text | None = None
    args: dict[str, Any] | None = Field(None, description="Load options; see docs/api.md")


class OldText(Response):
    text: str


class OldGenerateResponse(Response):
    results: list[OldText]


class OldChatResult(Response):
    history: OldHistory


class OldChatResponse(Response):
    results: list[OldChatResult]


class OldCount(Response):
    tokens: int


class OldCountResponse(Response):
    results: list[OldCount]


class OldStopResponse(Response):
    results: Literal["success"] = "success"


class OldModelInfo(Response):
    model_name: str | None
    lora_names: list[str]
    settings: dict[str, Any] = Field(serialization_alias="shared.settings")
    args: dict[str, Any] = Field(serialization_alias="shared.args")


class OldModelResponse(Response):
    result: str | list[str] | OldModelInfo
