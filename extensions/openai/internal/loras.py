"""/v1/internal/lora/*: which LoRA adapters there are; load and unload (administrators only)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Response

from extensions.openai.dependencies import AdminOnly, Context, note_ignored
from extensions.openai.internal.lora_types import (
    InstalledLora,
    LoadedLora,
    LoraListResponse,
    LoraLoadRequest,
    LoraUnloadRequest,
)
from modules.context import AppContext
from modules.core.errors import NotFound, RequestError, Unsupported
from modules.core.requests import to_adapters
from modules.engine.adapters import AdapterShelf
from modules.engine.model import LoadedModel
from modules.loaders.adapter_catalog import InstalledAdapter

router = APIRouter(prefix="/v1/internal/lora", tags=["internal"])


@router.get("/list")
async def list_loras(context: Context) -> LoraListResponse:
    """All that are installed, and those that are loaded, with the scale they have where a request names none."""
    installed = await asyncio.to_thread(_list_installed, context)
    return LoraListResponse(
        lora_names=sorted({each.name for each in installed}),
        loaded=[each for model in context.models.loaded for each in _loaded(model)],
        installed=installed,
    )


@router.post("/load", dependencies=[AdminOnly])
async def load_loras(
    body: LoraLoadRequest, response: Response, context: Context
) -> LoraListResponse:
    """Load adapters for requests that name none; they count from the next request on, and replace those before."""
    note_ignored(body, response, context)
    names = body.lora_names
    scales = [1.0] * len(names) if body.scales is None else body.scales
    if len(scales) != len(names):
        raise RequestError(
            f"scales has {len(scales)} numbers for {len(names)} names.", param="scales"
        )
    async with _lease(body.model, context) as model:
        shelf = model.engine.adapters
        wanted = await asyncio.to_thread(_find, names, model, context)
        old = {adapter.name for adapter in shelf.defaults}
        await _load_all(wanted, shelf)
        adapters = to_adapters(
            {adapter.name: scale for adapter, scale in zip(wanted, scales, strict=True)}
        )
        shelf.set_defaults(adapters)
        model.note_adapters(adapters)
        for name in old - {adapter.name for adapter in wanted}:
            await shelf.unload(name)
    return await list_loras(context)


@router.post("/unload", dependencies=[AdminOnly])
async def unload_loras(
    response: Response, context: Context, body: LoraUnloadRequest | None = None
) -> LoraListResponse:
    """Free adapters; requests that use them end first."""
    body = body or LoraUnloadRequest(lora_names=None, model=None)
    note_ignored(body, response, context)
    async with _lease(body.model, context) as model:
        shelf = model.engine.adapters
        names = shelf.names if body.lora_names is None else body.lora_names
        wanted = [name.removesuffix(".gguf") for name in names]
        for index, name in enumerate(wanted):
            if name not in shelf.names:
                raise NotFound(
                    f"The LoRA adapter {name!r} is not loaded.", param=f"lora_names[{index}]"
                )
        for name in dict.fromkeys(wanted):
            await shelf.unload(name)
        model.note_adapters(shelf.defaults)
    return await list_loras(context)


@asynccontextmanager
async def _lease(name: str | None, context: AppContext) -> AsyncGenerator[LoadedModel]:
    """A model that is loaded; none is loaded for this."""
    models = context.models
    if name is not None and models.get(name) is None:
        installed = await asyncio.to_thread(models.catalog.get, name)
        if models.get(installed.name) is None:
            raise NotFound(f"{name} is not loaded.", param="model", code="model_not_loaded")
        name = installed.name
    async with models.lease(name) as model:
        if "lora" not in model.info.capabilities:
            raise Unsupported(f"{model.info.name} takes no LoRA adapters.", param="lora_names")
        yield model


def _find(names: list[str], model: LoadedModel, context: AppContext) -> list[InstalledAdapter]:
    get, loader = context.models.catalog.adapters.get, model.info.loader
    return [get(name, loader, param=f"lora_names[{i}]") for i, name in enumerate(names)]


async def _load_all(wanted: list[InstalledAdapter], shelf: AdapterShelf) -> None:
    """All or none."""
    new = [adapter for adapter in wanted if adapter.name not in shelf.names]
    try:
        for adapter in new:
            await shelf.load(adapter)
    except Exception:
        for adapter in new:
            await shelf.unload(adapter.name)
        raise


def _list_installed(context: AppContext) -> list[InstalledLora]:
    return [
        InstalledLora(name=each.name, loader=each.loader, size_bytes=each.size_bytes)
        for each in context.models.catalog.adapters.adapters()
    ]


def _loaded(model: LoadedModel) -> list[LoadedLora]:
    shelf = model.engine.adapters
    scales = {adapter.name: adapter.scale for adapter in shelf.defaults}
    return [
        LoadedLora(
            name=name, scale=scales.get(name, 0.0), loader=model.info.loader, model=model.info.name
        )
        for name in shelf.names
    ]
