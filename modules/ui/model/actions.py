"""What people do with models on the page: the same calls for the header and the model tab."""

import asyncio
from collections.abc import Mapping
from typing import Any

from modules.core.errors import NotFound, NotReady
from modules.engine.load_wish import LoadPlan
from modules.engine.manager import ModelManager
from modules.engine.model import LoadedModel
from modules.loaders.catalog import InstalledModel
from modules.loaders.registry import check_load_args, default_load_args, own_args


async def list_models(models: ModelManager) -> list[InstalledModel]:
    """Looks at the disk; a model outside of the folder that is in service comes first."""
    return await asyncio.to_thread(models.catalog.models)


def choices(installed: list[InstalledModel], models: ModelManager) -> list[tuple[str, str]]:
    """Labels and names for a dropdown: what is installed, and what was loaded from elsewhere."""
    names = [model.name for model in installed]
    others = [model.name for model in models.loaded if model.name not in names]
    return [("No model", ""), *((name, name) for name in (*others, *names))]


async def choose_model(models: ModelManager, name: str) -> None:
    """Make it the one that answers: loaded if it is not in memory. An empty name takes the current one out."""
    if not name:
        await models.unload()
    elif models.get(name) is not None:
        async with models.lease(name):
            pass  # used last, so it is the current one
    else:
        await load_model(models, name, {})


async def load_model(
    models: ModelManager, name: str, args: Mapping[str, Any], *, is_forced: bool = False
) -> LoadedModel:
    """Anew also where it is loaded. AppError with the reason; the others go on serving then."""
    installed = await find_model(models, name)
    return await models.load(installed, args, is_forced=is_forced)


async def find_model(models: ModelManager, name: str) -> InstalledModel:
    """Also one that was loaded from elsewhere by its path. NotFound when there is none."""
    loaded = models.get(name)
    if loaded is not None:
        return loaded.plan.wish.model
    if not name:
        raise NotFound("Choose a model first.", param="model")
    return await asyncio.to_thread(models.catalog.get, name)


async def plan_as_it_is(models: ModelManager, model: InstalledModel) -> LoadPlan:
    """With the options that a loaded model has, else with those that it would be loaded with."""
    loaded = models.get(model.name)
    return await models.plan(model, {} if loaded is None else loaded.load_args)


def options_without_entry(
    models: ModelManager, model: InstalledModel, flags: Mapping[str, Any]
) -> dict[str, Any]:
    """What the model would be loaded with if nothing were saved for just this one. Blocking."""
    loader = model.loader
    patterns = models.saved.from_patterns(model.name).load_args
    return {
        **default_load_args(loader),
        **check_load_args(loader, own_args(loader, patterns)),
        **check_load_args(loader, own_args(loader, flags)),
    }


def refuse_without_model(models: ModelManager) -> None:
    """NotReady in words for the page; what the manager says of this is for clients of the API."""
    if models.loaded or models.asleep or models.loading is not None:
        return
    reason = f" The last load failed: {models.last_error}" if models.last_error else ""
    raise NotReady(f"No model is loaded. Choose one at the top of the page.{reason}")
