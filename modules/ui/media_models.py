"""Which of the installed models that do not write text is meant."""

import asyncio
from typing import Any

from modules.engine.media.pool import ModelPool
from modules.engine.media.worker import Worker
from modules.loaders.media_catalog import InstalledMedia


async def model_names(pool: ModelPool[Any]) -> list[str]:
    """All that are installed, the default first; none where there are none."""
    models = await asyncio.to_thread(pool.catalog.models)
    if not models:
        return []
    default = await asyncio.to_thread(pool.catalog.default)
    names = [model.name for model in models]
    return [default.name, *(name for name in names if name != default.name)]


async def find_model(pool: ModelPool[Any], name: str | None) -> InstalledMedia | None:
    """NotFound for a name that is not installed any more; None is the default."""
    return await asyncio.to_thread(pool.catalog.get, name) if name else None


def loaded_model(pool: ModelPool[Any], name: str | None) -> Worker[Any] | None:
    """Where it is in memory now."""
    return next((worker for worker in pool.loaded if worker.name == name), None)


def kept_choice(wanted: str | None, names: list[str]) -> str | None:
    """What a list of models shows: what it showed, while that is there."""
    return wanted if wanted in names else next(iter(names), None)
