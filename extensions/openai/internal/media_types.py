"""The wire of /v1/internal/media. Nothing here computes."""

from typing import Any, Literal

from pydantic import Field

from extensions.openai.fields import Request, Text, example
from extensions.openai.response_types import LoadProgressInfo, Response
from modules.loaders.media_catalog import Kind


class MediaLoadRequest(Request):
    model_config = example(model_name="tiny-diffusion", args={})

    model_name: Text
    args: dict[str, Any] | None = Field(
        None,
        description="Load options of this kind, by their names without the kind: device, dtype …",
    )


class MediaUnloadRequest(Request):
    model_config = example()

    model_name: Text | None = Field(None, description="Which of them; all where none is named")


class LoadedMedia(Response):
    model_name: str
    loader: str
    capabilities: list[str]
    size_bytes: int | None
    options: dict[str, Any]
    loaded_at: int = Field(description="Seconds since 1970")
    in_use: int = Field(description="Requests that use it now")


class MediaJob(Response):
    id: str | None = Field(
        description="For /v1/internal/stop-generation, and the header X-Request-Id of its response"
    )
    running: bool
    done: int = Field(description="Steps that are done")
    total: int = Field(description="Steps in all; 0 where nobody counts")


class MediaKind(Response):
    kind: Kind
    model_names: list[str]
    loaded: list[LoadedMedia]
    loading: LoadProgressInfo | None
    last_error: str | None
    jobs: list[MediaJob]


class MediaKinds(Response):
    object: Literal["list"] = "list"
    data: list[MediaKind]
