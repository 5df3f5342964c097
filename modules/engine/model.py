"""A loaded text model: its engine and its chat templates, and who is using it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modules.core.errors import Unsupported
from modules.core.requests import Adapters
from modules.engine.engine import Engine
from modules.engine.load_wish import LoadPlan
from modules.loaders.base import ModelInfo
from modules.prompts.template_sources import ModelFacts, TemplateSources
from modules.prompts.templates import ChatTemplate


@dataclass(eq=False)
class LoadedModel:
    """`leases`: requests that use it now; it is closed when it is retired and the last has ended.

    `can_return`: it was retired for others' sake only, and may serve again until it is closed.
    """

    engine: Engine
    templates: TemplateSources
    plan: LoadPlan
    loaded_at: int
    leases: int = 0
    is_retired: bool = False
    can_return: bool = False
    is_closing: bool = False
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def load_args(self) -> Mapping[str, Any]:
        """What the load was asked for."""
        return self.plan.wish.args

    def note_adapters(self, adapters: Adapters) -> None:
        """Its default adapters were changed: when it comes back from sleep, they come with it."""
        wish = self.plan.wish
        names = [f"{adapter.name}={adapter.scale}" for adapter in adapters]
        self.plan = replace(self.plan, wish=replace(wish, args={**wish.args, "lora": names}))

    @property
    def info(self) -> ModelInfo:
        return self.engine.info

    @property
    def template(self) -> ChatTemplate:
        """The one that is used when a request names none. Looks at files, so it is for a worker thread.

        Unsupported where another server renders: what would need the template cannot be done here.
        """
        if self.info.renders_itself:
            raise Unsupported(
                f"{self.info.name} is another server's, which keeps its chat template to itself.",
                param="model",
            )
        return self.templates.for_model(self._facts)

    @property
    def template_source(self) -> str | None:
        """Where the template is from; None where another server has it."""
        return None if self.info.renders_itself else self.template.source

    def resolve_template(self, name: str | None, text: str | None) -> ChatTemplate:
        """What a request asks for: the text itself, or a file by its name, or the model's own."""
        if text:
            return self.templates.given(text, self._facts)
        return self.templates.named(name, self._facts) if name else self.template

    @property
    def _facts(self) -> ModelFacts:
        info = self.info
        return ModelFacts(info.name, info.chat_template, info.bos_text, info.eos_text)
