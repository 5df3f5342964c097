"""The wire of /v1/embeddings. Nothing here computes."""

from typing import Literal

from pydantic import Field

from extensions.openai.fields import Prompt, Request, Text, example
from extensions.openai.response_types import Response

Truncate = Literal["NONE", "START", "END", "none", "start", "end"]


class TextFields(Request):
    """What requests for vectors have in common."""

    model: Text | None = None
    encoding_format: Literal["float", "base64"] | None = Field(
        None, description="base64: 32-bit floats, little endian"
    )
    dimensions: int | None = Field(
        None,
        description="Only the first so many numbers of each vector, brought back to length 1; for models that were trained for it",
    )
    normalize: bool | None = Field(
        None, description="false: vectors as the model makes them, not of length 1"
    )
    input_type: Text | None = Field(
        None, description="query or document: the model's own prompt for it stands before each text"
    )
    prompt_name: Text | None = Field(None, description="The same by the model's name of the prompt")
    truncate: bool | Truncate | None = Field(
        None,
        description="Cut texts that are too long (START: at their beginning) instead of refusing them",
    )
    truncate_prompt_tokens: int | None = Field(
        None,
        ge=-1,
        le=2**31,
        description="Cut texts to so many tokens; -1: to what the model takes",
    )
    user: Text | None = None


class EmbeddingRequest(TextFields):
    model_config = example(input="The food was delicious.")

    input: Prompt = Field(description="A text, token ids, or a list of up to 2048 of either")


class EngineEmbeddingRequest(TextFields):
    """As it was with the model in the path; of `input` and the older `text` one must be there."""

    model_config = example(input="The food was delicious.")

    input: Prompt | None = None
    text: Prompt | None = Field(None, description="Old name of input")


class EmbeddingObject(Response):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Response):
    prompt_tokens: int
    total_tokens: int


class EmbeddingResponse(Response):
    object: Literal["list"] = "list"
    data: list[EmbeddingObject]
    model: str
    usage: EmbeddingUsage
