"""The wire of /v1/internal/model/download. Nothing here computes."""

from typing import Any, Literal

from pydantic import Field

from extensions.openai.fields import Request, Text, example
from extensions.openai.response_types import Response
from modules.downloads.wanted import Purpose


class DownloadRequest(Request):
    model_config = example(model="org/name-GGUF", files=["Q4_K_M"])

    model: Text = Field(
        description="org/name, org/name:branch, or the address of its page on the hub"
    )
    files: list[Text] | None = Field(
        None,
        description="Only these: paths, patterns with wildcards, or words of names such as Q4_K_M; without it what the model needs",
    )
    exclude: list[Text] | None = Field(None, description="Not these")
    to: Purpose | None = Field(None, description="What it is for; decides the folder")
    overwrite: bool | None = Field(None, description="Replace other files of the same name")


class DownloadFile(Response):
    name: str
    size: int
    done: int = Field(description="Bytes that are here")
    state: str = Field(description="waiting, downloading, verifying or done")


class DownloadInfo(Response):
    id: str
    object: Literal["model.download"] = "model.download"
    model: str
    to: str
    state: str = Field(
        description="queued, downloading, verifying, done, failed, cancelled; interrupted: left by an earlier run"
    )
    commit: str | None = None
    model_name: str | None = Field(default=None, description="Its name here, once it is done")
    bytes_total: int
    bytes_done: int
    bytes_per_second: int = 0
    seconds_left: float | None = None
    files: list[DownloadFile] = Field(default_factory=list[DownloadFile])
    error: dict[str, Any] | None = Field(default=None, description="As the body of an error has it")
    created_at: int | None = Field(default=None, description="Seconds since 1970")
    finished_at: int | None = None


class DownloadList(Response):
    object: Literal["list"] = "list"
    data: list[DownloadInfo]


class DownloadDeleted(Response):
    id: str
    object: Literal["model.download"] = "model.download"
    deleted: Literal[True] = True
