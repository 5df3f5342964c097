"""A loaded text model: its engine and its chat template, and who is using it."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modules.engine.engine import Engine
from modules.loaders.base import ModelInfo
from modules.prompts.templates import CHATML, ChatTemplate

log = logging.getLogger("hearth.models")


@dataclass(eq=False)
class LoadedModel:
    """`leases`: requests that use it now; it is closed when it is retired and the last has ended."""

    engine: Engine
    template: ChatTemplate
    load_args: Mapping[str, Any]
    loaded_at: int
    leases: int = 0
    is_retired: bool = False
    is_closing: bool = False
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def info(self) -> ModelInfo:
        return self.engine.info


def build_template(info: ModelInfo) -> ChatTemplate:
    """The model's own template; ChatML, with a warning, for a model that brings none."""
    if info.chat_template:
        return ChatTemplate(
            info.chat_template,
            bos_text=info.bos_text,
            eos_text=info.eos_text,
            source="model metadata",
        )
    log.warning("%s brings no chat template: ChatML is used, which may not suit it", info.name)
    return ChatTemplate(
        CHATML, bos_text=info.bos_text, eos_text=info.eos_text, source="ChatML (fallback)"
    )
