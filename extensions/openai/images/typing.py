"""The wire of /v1/images/* as pydantic models: requests and responses; nothing else."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from extensions.openai.fields import Request, Text, example
from extensions.openai.forms import FormRequest
from extensions.openai.response_types import LeanResponse, Response
from modules.core.images import MAX_SEED

MAX_PROMPT_CHARS = 32_000
MAX_PICTURES = 16

Prompt = Annotated[Text, Field(max_length=MAX_PROMPT_CHARS)]
NonEmptyPrompt = Annotated[Prompt, Field(min_length=1)]
Seed = Annotated[int, Field(ge=-1, le=MAX_SEED)]
Quality = Literal["auto", "standard", "hd", "low", "medium", "high", "xhigh", "max"]
OutputFormat = Literal["png", "jpeg", "webp"]


class DrawingFields(BaseModel):
    """What all three routes take."""

    model: Text | None = Field(None, description="An installed image model's name")
    negative_prompt: Prompt | None = Field(
        None, description="What should not be seen; needs guidance above 1"
    )
    size: Annotated[Text, Field(max_length=32)] | None = Field(
        None, description="WIDTHxHEIGHT, or 'auto': what the model does best, or the picture's own"
    )
    steps: Annotated[int, Field(ge=1, le=150)] | None = Field(
        None, description="Steps of drawing; the model's own number when not set"
    )
    cfg_scale: Annotated[float, Field(ge=0, le=30)] | None = Field(
        None, description="Guidance: how closely the prompt is followed; 0 and 1 are without"
    )
    image_seed: Seed | None = Field(
        None, description="Of the first image, each further one has the next; -1 is random"
    )
    seed: Seed | None = Field(None, description="The same as image_seed")
    batch_size: Annotated[int, Field(ge=1, le=16)] | None = Field(
        None, description="Images drawn together, which takes more memory"
    )
    batch_count: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="How often a batch is drawn"
    )
    n: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Images in all; drawn one after the other unless batch_size says more"
    )
    quality: Quality | None = Field(
        None, description="Where steps is not set: low is half of the model's steps, high 1.5 times"
    )
    response_format: Literal["b64_json", "url"] | None = Field(None, description="b64_json")
    output_format: OutputFormat | None = Field(None, description="png")
    output_compression: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="Quality of JPEG and WebP; 100 is best, and what is not set"
    )
    background: Literal["auto", "opaque", "transparent"] | None = Field(
        None, description="Transparent images cannot be made"
    )
    embed_settings: bool | None = Field(
        None, description="Whether prompt and settings are written into the file"
    )
    moderation: Literal["auto", "low"] | None = Field(None, description="Without effect")
    style: Text | None = Field(None, description="Without effect")


class StreamFields(BaseModel):
    stream: bool | None = Field(None, description="Send server-sent events")
    partial_images: Annotated[int, Field(ge=0, le=3)] | None = Field(
        None, description="With stream: how many images in the making are sent"
    )


class StrengthFields(BaseModel):
    strength: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="How far the picture is left behind: 0.8, with a mask 1"
    )
    input_fidelity: Literal["high", "low"] | None = Field(
        None, description="high: strength 0.6, with a mask 0.8"
    )


class ImageGenerationRequest(StreamFields, DrawingFields, Request):
    model_config = example(prompt="a red circle on a yellow background", n=1)

    prompt: NonEmptyPrompt


class ImageEditForm(StreamFields, StrengthFields, DrawingFields, FormRequest):
    prompt: NonEmptyPrompt


class ImageVariationForm(DrawingFields, FormRequest):
    pass


class ImageReference(Request):
    image_url: Text | None = Field(None, description="http(s) or data:")
    file_id: Text | None = None


class ImageEditRequest(StreamFields, StrengthFields, DrawingFields, Request):
    prompt: NonEmptyPrompt
    images: Annotated[list[ImageReference], Field(min_length=1, max_length=MAX_PICTURES)]
    mask: ImageReference | None = None


class ImageTokens(Response):
    """One for 16 x 16 pixels: image models here have no tokens of their own."""

    text_tokens: int
    image_tokens: int


class ImageUsage(LeanResponse):
    """`unread_prompt_tokens`: past what the model's text encoder reads; there only where that is so."""

    _lean = ("unread_prompt_tokens",)

    input_tokens: int
    input_tokens_details: ImageTokens
    output_tokens: int
    output_tokens_details: ImageTokens
    total_tokens: int
    unread_prompt_tokens: int | None = None


class DrawnImage(LeanResponse):
    _lean = ("b64_json", "url")

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str
    seed: int


class ImagesResponse(Response):
    created: int
    model: str
    background: Literal["opaque"] = "opaque"
    output_format: OutputFormat
    quality: str
    size: str
    data: list[DrawnImage]
    usage: ImageUsage
