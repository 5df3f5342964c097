"""Which model answers a request for embeddings, audio or images, by the rules of the settings."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypeVar

from fastapi import Request

from extensions.openai.dependencies import require_admin
from modules.context import AppContext
from modules.core.errors import NotFound
from modules.engine.media.pool import ModelPool
from modules.engine.media.worker import Worker
from modules.loaders.media_base import MediaModel
from modules.loaders.media_catalog import InstalledMedia

M = TypeVar("M", bound=MediaModel)


@asynccontextmanager
async def lease_worker(
    pool: ModelPool[M], name: str | None, context: AppContext, request: Request
) -> AsyncGenerator[Worker[M]]:
    """As for text models: an installed name is loaded, any other is answered by the default, `--strict-models` makes it 404."""
    model = await _choose(pool, name, context, request)
    async with pool.lease(model) as worker:
        yield worker


async def _choose(
    pool: ModelPool[M], name: str | None, context: AppContext, request: Request
) -> InstalledMedia | None:
    settings = context.settings
    if name is None:
        return None
    found = await asyncio.to_thread(pool.catalog.find, name)
    if found is None:
        if settings.strict_models:
            raise NotFound(
                f"The model {name!r} is not served here.", param="model", code="model_not_found"
            )
        return None
    if pool.is_loaded(found.name):
        return found
    default = await asyncio.to_thread(pool.catalog.default)
    if found.name == default.name:
        return found
    if not settings.model_switch:
        return None
    require_admin(request)
    return found
