"""A loaded text model: its engine and its chat templates, and who is using it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modules.engine.engine import Engine
from modules.loaders.base import ModelInfo
from modules.prompts.template_sources import ModelFacts, TemplateSources
from modules.prompts.templates import ChatTemplate


@dataclass(eq=False)
class LoadedModel:
    """`leases`: requests that use it now; it is closed when it is retired and the last has ended."""

    engine: Engine
    templates: TemplateSources
    load_args: Mapping[str, Any]
    loaded_at: int
    leases: int = 0
    is_retired: bool = False
    is_closing: bool = False
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def info(self) -> ModelInfo:
        return self.engine.info

    @property
    def template(self) -> ChatTemplate:
        """The one that is used when a request names none. Looks at files, so it is for a worker thread."""
        return self.templates.for_model(self._facts)

    def resolve_template(self, name: str | None, text: str | None) -> ChatTemplate:
        """What a request asks for: the text itself, or a file by its name, or the model's own."""
        if text:
            return self.templates.given(text, self._facts)
        return self.templates.named(name, self._facts) if name else self.template

    @property
    def _facts(self) -> ModelFacts:
        info = self.info
        return ModelFacts(info.name, info.chat_template, info.bos_text, info.eos_text)
