"""The wire of /v1/moderations. Nothing here computes."""

from typing import Annotated, Any, Literal, cast

from pydantic import Discriminator, Field, Tag

from extensions.openai.fields import FIRST_FAULT, Request, Text, example
from extensions.openai.response_types import Response


class TextPart(Request):
    type: Literal["text"]
    text: Text


class ImageUrl(Request):
    url: Text


class ImagePart(Request):
    type: Literal["image_url"]
    image_url: ImageUrl


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]


def _kind_of_input(given: Any) -> str:
    if not isinstance(given, list):
        return "str"
    items = cast("list[object]", given)
    return "dict" if items and isinstance(items[0], dict) else "list"


class ModerationRequest(Request):
    model_config = example(input="What color is the sky?")

    input: Annotated[
        Annotated[Text, Tag("str")]
        | Annotated[list[Text], FIRST_FAULT, Tag("list")]
        | Annotated[list[Part], FIRST_FAULT, Tag("dict")],
        Discriminator(_kind_of_input),
    ] = Field(
        description="A text, a list of texts, or the parts of one message, of which only texts are judged"
    )
    model: Text | None = Field(None, description="An embedding model; else the default one judges")


class ModerationResult(Response):
    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[str]]


class ModerationResponse(Response):
    id: str
    model: str
    results: list[ModerationResult]
