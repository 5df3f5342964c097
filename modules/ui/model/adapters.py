"""The LoRA adapters of a loaded model: which there are, which count, and with what scale."""

import asyncio
from dataclasses import dataclass

from modules.core.errors import NotReady, Unsupported
from modules.core.requests import to_adapters
from modules.downloads.sizes import shown_size
from modules.engine.manager import ModelManager
from modules.engine.model import LoadedModel
from modules.loaders.adapter_catalog import InstalledAdapter
from modules.ui.markup import chip, to_markup


@dataclass(frozen=True, slots=True)
class AdapterState:
    """`scales`: of those that are loaded; 0 counts only for requests that name it. `problem`: why there are none."""

    installed: tuple[InstalledAdapter, ...] = ()
    scales: tuple[tuple[str, float], ...] = ()
    problem: str = ""


async def read_adapters(models: ModelManager, name: str) -> AdapterState:
    model = models.get(name)
    if model is None:
        return AdapterState(problem="Load the model first; adapters are put on what is loaded.")
    if "lora" not in model.info.capabilities:
        return AdapterState(problem=f"{name} takes no LoRA adapters.")
    everything = await asyncio.to_thread(models.catalog.adapters.adapters)
    installed = tuple(each for each in everything if each.loader == model.info.loader)
    return AdapterState(installed, tuple(_scales(model).items()))


async def put_on(models: ModelManager, name: str, adapter: str, scale: float) -> None:
    """From the next request on, for requests that name none; the others stay. AppError with the reason."""
    async with models.lease(_loaded(models, name)) as model:
        catalog = models.catalog.adapters
        found = await asyncio.to_thread(catalog.get, adapter, model.info.loader)
        await model.engine.adapters.load(found)
        _set(model, {**_scales(model), found.name: scale})


async def take_off(models: ModelManager, name: str, adapter: str) -> None:
    """Frees it; requests that use it end first."""
    async with models.lease(_loaded(models, name)) as model:
        await model.engine.adapters.unload(adapter)
        _set(model, _scales(model))


def to_list(state: AdapterState) -> str:
    if state.problem:
        return f'<p class="note">{to_markup(state.problem)}</p>'
    if not state.scales:
        return '<p class="note">No adapter is on this model.</p>'
    rows = [
        f'<div class="item"><span class="item-name">{to_markup(name)}</span>{chip(f"scale {scale:g}" if scale else "only when a request names it")}'
        f'<button type="button" class="small-button" data-do="delete" data-name="{to_markup(name)}">Remove</button></div>'
        for name, scale in state.scales
    ]
    return f'<div class="items">{"".join(rows)}</div>'


def to_choices(state: AdapterState) -> list[tuple[str, str]]:
    return [(f"{each.name} ({shown_size(each.size_bytes)})", each.name) for each in state.installed]


def _scales(model: LoadedModel) -> dict[str, float]:
    shelf = model.engine.adapters
    defaults = {adapter.name: adapter.scale for adapter in shelf.defaults}
    return {name: defaults.get(name, 0.0) for name in shelf.names}


def _set(model: LoadedModel, scales: dict[str, float]) -> None:
    adapters = to_adapters({name: scale for name, scale in scales.items() if scale})
    model.engine.adapters.set_defaults(adapters)
    model.note_adapters(adapters)


def _loaded(models: ModelManager, name: str) -> str:
    """None is loaded for this."""
    model = models.get(name)
    if model is None:
        raise NotReady(f"{name or 'The model'} is not loaded.")
    if "lora" not in model.info.capabilities:
        raise Unsupported(f"{name} takes no LoRA adapters.", param="lora")
    return model.name
