"""`model: "base:adapter"`: which model and which LoRA adapters a name means."""

import asyncio

from modules.context import AppContext


async def split_model(name: str | None, context: AppContext) -> tuple[str | None, tuple[str, ...]]:
    """The model's name, and those of adapters behind the last colon, several with `+`.

    Only where all of them are installed, and no model has the whole name: many names of models have a colon of their own.
    """
    if name is None or ":" not in name or await _is_model(name, context):
        return name, ()
    base, _, text = name.rpartition(":")
    for names in ((text,), tuple(text.split("+"))):
        if await asyncio.to_thread(_are_installed, names, context):
            return base or None, names
    return name, ()


async def _is_model(name: str, context: AppContext) -> bool:
    catalog = context.models.catalog
    if context.models.in_service(name) is not None:
        return True
    if catalog.is_surely_unknown(name):
        return False
    return await asyncio.to_thread(catalog.find, name) is not None


def _are_installed(names: tuple[str, ...], context: AppContext) -> bool:
    return all(context.models.catalog.adapters.has(name) for name in names)
