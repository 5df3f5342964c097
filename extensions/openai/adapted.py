"""The model for a request together with the LoRA adapters that it names."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from fastapi import Request

from extensions.openai.adapter_names import split_model
from extensions.openai.dependencies import lease_for, require_admin
from extensions.openai.typing import LoraChoice
from modules.context import AppContext
from modules.core.errors import RequestError, Unsupported
from modules.core.requests import Adapters, GenerationRequest, to_adapters
from modules.engine.model import LoadedModel


class NamesAdapters(Protocol):
    @property
    def model(self) -> str | None: ...

    @property
    def lora(self) -> list[LoraChoice] | None: ...


@dataclass(frozen=True, slots=True)
class Adapted:
    """`adapters`: None where the request named none, so that the model's default ones count. `name`: what answers say."""

    model: LoadedModel
    adapters: Adapters | None
    name: str

    def adapt(self, requests: Iterable[GenerationRequest]) -> list[GenerationRequest]:
        return [replace(request, adapters=self.adapters) for request in requests]


@dataclass(frozen=True, slots=True)
class _Wish:
    name: str
    scale: float
    param: str


@asynccontextmanager
async def lease_adapted(
    body: NamesAdapters, context: AppContext, request: Request
) -> AsyncGenerator[Adapted]:
    """By the rules for models: what is installed is loaded on demand, with an admin key only for those who have it."""
    base, names = await split_model(body.model, context)
    wishes = [_Wish(name, 1.0, "model") for name in names]
    wishes += [
        _Wish(each.name, 1.0 if each.scale is None else each.scale, f"lora[{i}].name")
        for i, each in enumerate(body.lora or ())
    ]
    async with lease_for(base, context, request) as model:
        if not wishes:
            yield Adapted(model, None if body.lora is None else (), model.info.name)
            return
        adapters = await _provide(wishes, model, context, request)
        yield Adapted(model, adapters, name_of(model, adapters))


def name_of(model: LoadedModel, adapters: Adapters) -> str:
    """As a request may name it again; scales are not part of it."""
    names = "+".join(adapter.name for adapter in adapters)
    return f"{model.info.name}:{names}" if names else model.info.name


async def _provide(
    wishes: Sequence[_Wish], model: LoadedModel, context: AppContext, request: Request
) -> Adapters:
    """Loads those that are not there. Of one that is named twice the last scale counts."""
    if "lora" not in model.info.capabilities:
        raise Unsupported(f"{model.info.name} takes no LoRA adapters.", param=wishes[0].param)
    shelf = model.engine.adapters
    scales: dict[str, float] = {}
    for wish in wishes:
        name = wish.name.removesuffix(".gguf")
        if name not in shelf.names:
            adapter = await asyncio.to_thread(
                context.models.catalog.adapters.get, wish.name, model.info.loader, param=wish.param
            )
            name = adapter.name
            if name not in shelf.names and wish.scale != 0:
                _check_may_load(name, wish.param, context, request)
                await shelf.demand(adapter)
        scales[name] = wish.scale
    return to_adapters(scales)


def _check_may_load(name: str, param: str, context: AppContext, request: Request) -> None:
    if not context.settings.model_switch:
        raise RequestError(
            f"The LoRA adapter {name!r} is not loaded, and requests may not load any (--no-model-switch).",
            param=param,
            code="lora_not_loaded",
        )
    require_admin(request)
