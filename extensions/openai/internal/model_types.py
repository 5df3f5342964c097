"""The wire of /v1/internal/model/estimate, events and settings. Nothing here computes."""

from typing import Any

from pydantic import Field

from extensions.openai.response_types import MemoryInfo, Response
from modules.engine.model_events import EventType


class EstimateResponse(Response):
    model_name: str
    loader: str
    memory: MemoryInfo
    ctx_size: int | None = Field(description="As it would be, like the next two")
    parallel: int | None
    kv_unified: bool | None
    budget: int | None = Field(description="Bytes for all models together; null without a budget")
    reserved: int = Field(description="Bytes of what is loaded, by estimate")
    fits: bool = Field(description="Whether it fits into the budget when all others have left")


class ModelEventInfo(Response):
    type: EventType
    model: str | None
    progress: float | None = Field(default=None, description="0 to 1")
    seconds: float | None = Field(default=None, description="Since the load began")
    error: str | None = None


class SavedSettingsResponse(Response):
    model: str
    file: str
    saved: dict[str, Any] | None = Field(
        description="The entry for this model itself; null when there is none"
    )
    effective: dict[str, Any] = Field(description="With the patterns that match its name")


class SettingsDeleted(Response):
    model: str
    deleted: bool = Field(description="False where there was nothing to delete")
