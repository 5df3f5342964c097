"""The wire of /v1/internal/lora/*."""

from typing import Annotated

from pydantic import Field

from extensions.openai.fields import FIRST_FAULT, Request, Text, example
from extensions.openai.response_types import Response
from extensions.openai.typing import MAX_LORAS, LoraScale

LoraNames = Annotated[list[Text], FIRST_FAULT]


class LoraLoadRequest(Request):
    model_config = example(lora_names=["tiny-pirate"], scales=[1.0])

    lora_names: LoraNames = Field(
        max_length=MAX_LORAS,
        description="The adapters of requests that name none, instead of those before",
    )
    scales: Annotated[list[LoraScale], FIRST_FAULT] | None = Field(
        None,
        description="One for each name (default: 1); 0 only loads it, for requests that name it",
    )
    model: Text | None = Field(
        None, description="A loaded model (default: the one that was used last)"
    )


class LoraUnloadRequest(Request):
    model_config = example(lora_names=["tiny-pirate"])

    lora_names: LoraNames | None = Field(
        None, max_length=1024, description="Without it: all that are loaded"
    )
    model: Text | None = Field(
        None, description="A loaded model (default: the one that was used last)"
    )


class LoadedLora(Response):
    name: str
    scale: float = Field(description="For requests that name none; 0: not for them")
    loader: str
    model: str


class InstalledLora(Response):
    name: str
    loader: str
    size_bytes: int


class LoraListResponse(Response):
    lora_names: list[str] = Field(description="All that are installed")
    loaded: list[LoadedLora]
    installed: list[InstalledLora]
