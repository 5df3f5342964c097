"""/v1/internal/model/settings: what is kept for one model in config-user.yaml."""

import asyncio

from fastapi import APIRouter

from extensions.openai.dependencies import AdminOnly, Context
from extensions.openai.internal.model_types import SavedSettingsResponse, SettingsDeleted
from modules.engine.saved_settings import SavedSettings
from modules.loaders.catalog import Catalog

router = APIRouter(prefix="/v1/internal/model", tags=["internal"])


@router.get("/settings")
async def show_settings(model: str, context: Context) -> SavedSettingsResponse:
    """What was saved for this model, and what counts for it together with patterns."""
    return await asyncio.to_thread(_read, context.models.saved, context.models.catalog, model)


@router.delete("/settings", dependencies=[AdminOnly])
async def delete_settings(model: str, context: Context) -> SettingsDeleted:
    """The entry for this model, also of one that is not installed any more; patterns stay. It counts from the next load on."""
    return await asyncio.to_thread(_forget, context.models.saved, context.models.catalog, model)


def _read(saved: SavedSettings, catalog: Catalog, name: str) -> SavedSettingsResponse:
    installed = catalog.find(name)
    name = name if installed is None else installed.name
    own = saved.own(name)
    if own is None and installed is None:
        catalog.get(name)  # NotFound, with the names that there are
    return SavedSettingsResponse(
        model=name, file=saved.path.name, saved=own, effective=saved.read(name).as_dict
    )


def _forget(saved: SavedSettings, catalog: Catalog, name: str) -> SettingsDeleted:
    installed = catalog.find(name)
    name = name if installed is None else installed.name
    deleted = saved.forget(name)
    if not deleted and installed is None:
        catalog.get(name)
    return SettingsDeleted(model=name, deleted=deleted)
